//! Whether what an image starts is among its files, as far as they say so: whatever else a program needs is found out
//! where it starts.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_image::oci::APP;
use seaworthy_image::{Entry, Tree};
use seaworthy_model::Name;
use seaworthy_model::service::{Base, Service};

/// The programs that a service names by a path among its own files: relative to `/app`, or below it.
pub(crate) fn own(service: &Service) -> Vec<&str> {
    // An image that others made may have files of its own there.
    if let Some(Base::Image(_)) = service.base {
        return Vec::new();
    }
    let programs = [&service.run].into_iter().chain(&service.before).filter_map(|words| words.first());
    programs.map(String::as_str).filter(|program| in_app(program).is_some()).collect()
}

/// Refuses files without one of them.
pub(crate) fn check(name: &Name, service: &Service, tree: &Tree) -> Result<(), Diagnostic> {
    for program in own(service) {
        let Some(path) = in_app(program) else { continue };
        let help = match tree.entries.get(&path) {
            Some(Entry::File { mode, .. }) if mode & 0o111 == 0 => {
                let message = format!("`{program}`, which `{name}` starts, is not executable (mode {mode:o})");
                let help =
                    format!("`chmod +x` it where it is built, or name its interpreter: [\"python3\", \"{program}\"]");
                return Err(Diagnostic::user(message).help(help));
            }
            Some(Entry::File { .. } | Entry::Link { .. }) => continue,
            Some(Entry::Directory { .. }) => "it is a folder: name a program in it".to_owned(),
            None if leads_through_a_link(&path, tree) => continue,
            None => format!("its image holds {}: see `files` and `run`", listed(tree)),
        };
        return Err(Diagnostic::user(format!("`{name}` starts `{program}`, which is not in its image")).help(help));
    }
    Ok(())
}

/// The path of a program in the tree; `None` if it is not meant to be there.
fn in_app(program: &str) -> Option<String> {
    let below = match program.strip_prefix('/') {
        Some(rest) => rest.strip_prefix(APP)?.strip_prefix('/')?,
        None if program.contains('/') => program,
        None => return None,
    };
    let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (!parts.contains(&"..")).then(|| format!("{APP}/{}", parts.join("/")))
}

fn leads_through_a_link(path: &str, tree: &Tree) -> bool {
    path.match_indices('/').any(|(end, _)| matches!(tree.entries.get(&path[..end]), Some(Entry::Link { .. })))
}

/// What lies in `/app` itself.
fn listed(tree: &Tree) -> String {
    const NAMES_MAX: usize = 10;
    let below = tree.entries.keys().filter_map(|path| path.strip_prefix(APP)?.strip_prefix('/')?.split('/').next());
    let mut names: Vec<String> = below.map(|name| format!("`{name}`")).collect();
    names.dedup();
    if names.len() > NAMES_MAX {
        names.truncate(NAMES_MAX);
        names.push("more".to_owned());
    }
    if names.is_empty() { "no files".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_image::Content;
    use seaworthy_model::manifest::parse;

    fn refusal(run: &str, rest: &str) -> Option<String> {
        let text = format!("app = \"a\"\n[services.web]\nfiles = [\"x\"]\nrun = [\"{run}\"]\n{rest}\n");
        let manifest = parse("seaworthy.toml", &text).expect("a manifest");
        let (name, source) = manifest.services.first_key_value().expect("a service");
        let file = |mode| Entry::File { mode, content: Content::Bytes(Vec::new().into()) };
        let link = Entry::Link { to: "bin".to_owned() };
        let entries = [
            ("app", Entry::Directory { mode: 0o755 }),
            ("app/bin", Entry::Directory { mode: 0o755 }),
            ("app/bin/web", file(0o755)),
            ("app/current", link),
            ("app/plain", file(0o644)),
        ];
        let tree = Tree { entries: entries.map(|(path, entry)| (path.to_owned(), entry)).into() };
        let error = check(name, &source.service, &tree).err()?;
        Some(format!("{} {}", error.message, error.help.unwrap_or_default()))
    }

    #[test]
    fn a_program_of_ones_own_must_be_among_the_files() {
        for there in ["./bin/web", "bin/web", "/app/bin/web", ".//bin/./web", "current/web", "python3", "/usr/bin/env"]
        {
            assert_eq!(refusal(there, ""), None, "{there}");
        }
        // Where it leads, the one who starts it will know.
        assert_eq!(refusal("../web", ""), None);
        for (missing, why) in [
            ("./wbe", "which is not in its image its image holds `bin`, `current`, `plain`"),
            ("/app/wbe", "which is not in its image"),
            ("./bin", "it is a folder"),
            ("./plain", "is not executable (mode 644)"),
        ] {
            assert!(refusal(missing, "").is_some_and(|said| said.contains(why)), "{missing}");
        }
        assert!(refusal("./bin/web", "before = [\"./migrate\"]").is_some_and(|said| said.contains("`./migrate`")));
        assert_eq!(refusal("./wbe", "base = \"registry.example.com/web:1\""), None, "it may be in the base");
    }
}
