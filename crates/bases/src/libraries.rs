//! What the programs among a service's files need of a base.

use seaworthy_debian::format::elf::{Needs, needs};
use seaworthy_debian::needed_packages;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files;
use seaworthy_image::{Content, Entry, Tree};
use seaworthy_model::Name;
use std::collections::BTreeSet;

/// What some files need together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Needed {
    loader: Option<String>,
    libraries: BTreeSet<String>,
    /// The first file that needs anything.
    by: String,
}

/// The Debian packages that have the libraries of a service's programs; none for static programs and for scripts. They
/// are of the suite that is named, else of the machine's own.
pub(crate) fn packages_for(service: &Name, tree: &Tree, suite: Option<&str>) -> Result<Vec<String>, Diagnostic> {
    let Some(needed) = needed(tree)? else { return Ok(Vec::new()) };
    let libraries: Vec<String> = needed.libraries.into_iter().collect();
    let suite = suite.map(str::to_owned).or_else(machine_suite);
    needed_packages(&libraries, needed.loader.as_deref(), suite.as_deref()).map_err(|mut error| {
        error.message = format!("`{}` of `{service}`: {}", needed.by, error.message);
        error
    })
}

/// Nothing of `scratch` helps a program that is loaded with libraries.
pub(crate) fn refuse_needs(service: &Name, tree: &Tree) -> Result<(), Diagnostic> {
    let Some(needed) = needed(tree)? else { return Ok(()) };
    let names: Vec<String> = needed.loader.iter().chain(&needed.libraries).map(|name| format!("`{name}`")).collect();
    let message =
        format!("`{}` of `{service}` needs {}, and `base = \"scratch\"` has nothing", needed.by, names.join(", "));
    Err(Diagnostic::user(message)
        .help("leave `base` out: the libraries are found in Debian packages; or link the program statically"))
}

fn needed(tree: &Tree) -> Result<Option<Needed>, Diagnostic> {
    let own: BTreeSet<&str> = tree.entries.keys().filter_map(|path| path.rsplit('/').next()).collect();
    let mut all = Needed::default();
    for (path, entry) in &tree.entries {
        let Some(Needs { loader, libraries }) = read(entry)? else { continue };
        let missing: Vec<String> = libraries.into_iter().filter(|name| !own.contains(name.as_str())).collect();
        if all.by.is_empty() && (loader.is_some() || !missing.is_empty()) {
            path.clone_into(&mut all.by);
        }
        all.loader = all.loader.or(loader);
        all.libraries.extend(missing);
    }
    Ok((!all.by.is_empty()).then_some(all))
}

/// What an ELF file needs; `None` for everything else.
fn read(entry: &Entry) -> Result<Option<Needs>, Diagnostic> {
    let Entry::File { content, .. } = entry else { return Ok(None) };
    Ok(match content {
        Content::Bytes(bytes) => needs(bytes),
        Content::Path(path) if !files::starts_with(path, b"\x7fELF")? => None,
        Content::Path(path) => needs(&files::read(path)?),
    })
}

/// The codename of this machine's Debian, if it is one.
fn machine_suite() -> Option<String> {
    let text = files::read(std::path::Path::new("/etc/os-release")).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let value = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(value.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, Content)]) -> Tree {
        let entry = |content: &Content| Entry::File { mode: 0o755, content: content.clone() };
        Tree { entries: files.iter().map(|(path, content)| ((*path).to_owned(), entry(content))).collect() }
    }

    fn shell() -> Content {
        Content::Path("/bin/sh".into())
    }

    fn name() -> Name {
        Name::new("web").expect("a name")
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_dynamic_program_gets_the_packages_of_its_libraries() {
        let packages = packages_for(&name(), &tree(&[("app/run", shell())]), None).unwrap();
        assert!(packages.contains(&"libc6".to_owned()), "{packages:?}");
        assert_eq!(packages_for(&name(), &tree(&[]), None).unwrap(), Vec::<String>::new());
        let script = Content::Bytes(b"#!/usr/bin/env python3\n".to_vec().into());
        assert_eq!(packages_for(&name(), &tree(&[("app/run", script)]), None).unwrap(), Vec::<String>::new());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn scratch_refuses_it_with_the_libraries_named() {
        let error = refuse_needs(&name(), &tree(&[("app/run", shell())])).unwrap_err();
        assert!(error.message.contains("`libc.so.6`") && error.message.contains("ld-linux"), "{error}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_library_among_the_files_is_nobody_elses_matter() {
        let with_it = tree(&[("app/run", shell()), ("app/libc.so.6", Content::Bytes(Vec::new().into()))]);
        let needed = needed(&with_it).unwrap().expect("it still has a loader");
        assert!(!needed.libraries.contains("libc.so.6"));
    }
}
