//! The workflows that `init --ci` writes: each types the very command that people type.

mod tools;

use crate::arguments::Forge;
use seaworthy_model::manifest::Manifest;
use seaworthy_pipeline::upstream::Upstream;

/// What stands in a workflow that depends on the app.
pub(crate) struct Wanted<'a> {
    /// Whose workflow it is.
    pub forge: Forge,
    /// The git repository that seaworthy is built from; `None`: to be filled in.
    pub source: Option<&'a str>,
    /// Where the app lies in its repository.
    pub upstream: &'a Upstream,
    /// The app.
    pub manifest: &'a Manifest,
}

/// Where a forge looks for its workflow, from the repository's top.
pub(crate) fn place(forge: Forge) -> &'static str {
    match forge {
        Forge::Github => ".github/workflows/seaworthy.yml",
        Forge::Gitlab => ".gitlab-ci.yml",
        Forge::Forgejo => ".forgejo/workflows/seaworthy.yml",
    }
}

/// The workflow's text.
pub(crate) fn workflow(wanted: &Wanted<'_>) -> String {
    let template = match wanted.forge {
        Forge::Github => include_str!("github.yml"),
        Forge::Gitlab => include_str!("gitlab.yml"),
        Forge::Forgejo => include_str!("forgejo.yml"),
    };
    let file = match wanted.upstream.manifest.as_str() {
        seaworthy_model::manifest::MANIFEST_FILE => String::new(),
        path => format!(" --file {}", word(path)),
    };
    let tools: String = tools::packages(wanted.manifest, wanted.forge).iter().map(|name| format!(" {name}")).collect();
    template
        .replace("@BRANCH@", &quoted(&wanted.upstream.branch))
        .replace("@SOURCE@", &quoted(wanted.source.unwrap_or_default()))
        .replace("@TOOLS@", &tools)
        .replace("@FILE@", &file)
}

/// As it stands between the double quotes of YAML.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// As one word of a shell.
fn word(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte)) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_model::manifest::parse;

    const FORGES: [Forge; 3] = [Forge::Github, Forge::Gitlab, Forge::Forgejo];

    fn text(forge: Forge, manifest: &str) -> String {
        let app = "app = \"shop\"\n[services.web]\nrun = [\"node\", \"server.js\"]\nbuild = \"npm ci\"\n\
                   [services.stock]\nrun = [\"./stock\"]\nbuild = \"go build\"\n[services.mail]\nrun = [\"python3\", \"m.py\"]\n";
        let upstream = Upstream { branch: "main".to_owned(), manifest: manifest.to_owned(), top: "/".into() };
        let source = Some("https://git.example.com/seaworthy.git");
        let manifest = &parse("seaworthy.toml", app).unwrap();
        workflow(&Wanted { forge, source, upstream: &upstream, manifest })
    }

    #[test]
    fn workflows_look_like_this() {
        for forge in FORGES {
            insta::assert_snapshot!(format!("{forge:?}").to_lowercase(), text(forge, "seaworthy.toml"));
        }
    }

    #[test]
    fn every_workflow_is_yaml_and_types_the_command() {
        for forge in FORGES {
            for manifest in ["seaworthy.toml", "services/it's here/seaworthy.toml"] {
                let text = text(forge, manifest);
                serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&text).unwrap_or_else(|e| panic!("{forge:?}: {e}"));
                assert!(text.contains("seaworthy check"), "{text}");
                let left = ["@FILE@", "@TOOLS@", "@BRANCH@", "@SOURCE@"];
                assert!(left.iter().all(|placeholder| !text.contains(placeholder)), "{text}");
                assert_eq!(text.contains(r"--file 'services/it'\''s here/seaworthy.toml'"), manifest.contains(' '));
            }
        }
    }

    #[test]
    fn actions_are_pinned_by_commit() {
        for forge in [Forge::Github, Forge::Forgejo] {
            let text = text(forge, "seaworthy.toml");
            for line in text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: ")) {
                let pinned = line.split_once('@').is_some_and(|(_, rest)| {
                    rest.split_once(" # v").is_some_and(|(commit, _)| {
                        commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
                    })
                });
                assert!(pinned, "{line}");
            }
        }
    }
}
