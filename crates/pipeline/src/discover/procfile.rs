//! `Procfile`: what runs, by process type.

use super::found::{Found, Listens, run_of};
use super::tree::Folder;

/// Adds the processes of the root's `Procfile`. They run from the files of the service that was found at the root.
pub(super) fn merge(root: &Folder, found: &mut Vec<Found>) {
    let Some(text) = root.read("Procfile") else { return };
    let at_root = found.iter().position(|service| service.path == ".");
    let base = at_root.map_or_else(
        || Found { path: ".".to_owned(), files: root.program_files(), ..Found::default() },
        |index| found.remove(index),
    );
    let processes = text.lines().filter_map(process);
    let (release, running): (Vec<_>, Vec<_>) = processes.partition(|(kind, _)| *kind == "release");
    let before = release.first().map(|(_, line)| run_of(&base.as_installed(line))).unwrap_or_default();
    if running.is_empty() {
        found.extend(at_root.map(|_| base));
        return;
    }
    for (index, (kind, line)) in running.into_iter().enumerate() {
        let mut service = base.clone();
        service.start_by(line);
        service.comments.push(format!("run: from `{kind}` of the Procfile"));
        if kind == "web" {
            service.wanted_name = root.name();
        } else {
            service.wanted_name = kind.to_owned();
            service.port = Listens::Nowhere;
            service.health = None;
            service.comments.retain(|comment| !comment.starts_with("health:") && !comment.starts_with("port:"));
        }
        if line.contains("$PORT") {
            service.port = Listens::Given;
            service.comments.retain(|comment| !comment.starts_with("port:"));
        }
        if index == 0 {
            service.before.clone_from(&before);
        }
        // One of them is enough to test what they share.
        if index > 0 {
            service.test.clear();
            service.checks.clear();
        }
        found.push(service);
    }
}

/// `web: bundle exec puma` as its two halves.
fn process(line: &str) -> Option<(&str, &str)> {
    let (kind, command) = line.split_once(':')?;
    let (kind, command) = (kind.trim(), command.trim());
    let word = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    (word && !command.is_empty() && !command.contains('\0')).then_some((kind, command))
}
