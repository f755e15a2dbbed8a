//! The one place that prints: data to standard output, everything else to standard error.

use crate::exit::Ended;
use seaworthy_diagnostics::{Diagnostic, render};
use serde::Serialize;
use std::io::{IsTerminal, Write as _};
use tokio::io::AsyncWriteExt as _;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Data is JSON.
    pub json: bool,
}

/// Styles, empty where there is no terminal that shows them: `anstream` strips them.
pub(crate) mod style {
    use anstyle::{AnsiColor, Style};

    /// What went well.
    pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
    /// What went wrong.
    pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
    /// What to look at.
    pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
    /// What matters less.
    pub(crate) const DIM: Style = Style::new().dimmed();
    /// What matters more.
    pub(crate) const BOLD: Style = Style::new().bold();
}

impl Output {
    /// One line of data. A reader that is gone (`| head`) is no error.
    pub(crate) fn data(self, line: &str) {
        let _ = writeln!(anstream::stdout().lock(), "{line}");
    }

    /// One line for the person at the terminal.
    pub(crate) fn note(self, line: &str) {
        let _ = writeln!(anstream::stderr().lock(), "{line}");
    }

    /// Data that a program has written, as it is.
    pub(crate) async fn bytes(self, bytes: &[u8]) -> std::io::Result<()> {
        let mut stdout = tokio::io::stdout();
        stdout.write_all(bytes).await?;
        stdout.flush().await
    }

    /// The same for what it has written to its standard error.
    pub(crate) async fn note_bytes(self, bytes: &[u8]) -> std::io::Result<()> {
        let mut stderr = tokio::io::stderr();
        stderr.write_all(bytes).await?;
        stderr.flush().await
    }

    /// A value as JSON, one line.
    pub(crate) fn value<T: Serialize>(self, value: &T) {
        if let Ok(text) = serde_json::to_string(value) {
            self.data(&text);
        }
    }

    /// A warning that stops nothing.
    pub(crate) fn warning(self, line: &str) {
        let warn = style::WARN;
        self.note(&format!("{warn}warning{warn:#}: {line}"));
    }

    /// A diagnostic, whole.
    pub(crate) fn error(self, diagnostic: &Diagnostic) {
        let text = render(diagnostic, true);
        let _ = write!(anstream::stderr().lock(), "{text}");
    }

    /// What is left to say when a verb has ended badly.
    pub(crate) fn ended(self, ended: &Ended) {
        match ended {
            Ended::Failed(errors) | Ended::Refused(errors) => {
                if self.json {
                    self.value(&serde_json::json!({ "errors": errors }));
                }
                for error in errors {
                    self.error(error);
                }
            }
            Ended::Usage(text) => self.note(text),
            Ended::Differs | Ended::Code(_) => {}
        }
    }

    /// Whether somebody watches.
    pub(crate) fn is_live(self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }
}
