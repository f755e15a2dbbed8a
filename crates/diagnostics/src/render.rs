//! A [`Diagnostic`] as a person reads it.

use crate::Diagnostic;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt::Write as _;

/// Renders one diagnostic, in the shape that compilers have made familiar, ending with a line feed.
#[must_use]
pub fn render(diagnostic: &Diagnostic, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let title = Level::ERROR.primary_title(diagnostic.message.as_str());
    let group = match &diagnostic.place {
        None => Group::with_title(title),
        Some(place) => {
            let (start, end) = place.span;
            let annotation = AnnotationKind::Primary.span(start..end);
            title.element(Snippet::source(place.text.as_str()).path(place.file.as_str()).annotation(annotation))
        }
    };
    let mut text = renderer.render(&[group]);
    for line in &diagnostic.evidence {
        let _ = write!(text, "\n  | {line}");
    }
    if let Some(help) = &diagnostic.help {
        let (bold, plain) = if colour { ("\x1b[1m\x1b[96m", "\x1b[0m") } else { ("", "") };
        let _ = write!(text, "\n{bold}help{plain}: {help}");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;

    #[test]
    fn shows_line_span_evidence_and_help() {
        let diagnostic = Diagnostic::user("unknown key `bild`")
            .at(Place { file: "seaworthy.toml".into(), text: "app = \"a\"\nbild = 1\n".into(), span: (10, 14) })
            .evidence(["last words".to_owned()])
            .help("did you mean `build`?");
        insta::assert_snapshot!(render(&diagnostic, false), @r"
        error: unknown key `bild`
         --> seaworthy.toml:2:1
          |
        2 | bild = 1
          | ^^^^
          | last words
        help: did you mean `build`?
        ");
    }
}
