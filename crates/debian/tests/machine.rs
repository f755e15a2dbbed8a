//! With this machine's own sources: the real archive, its real keys, real packages, and a program of theirs that runs.
//!
//! It needs what an installed Debian has: sources of apt, their keys, and the network that leads there. Without them it
//! fails and says so: it never counts as passed.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use seaworthy_debian::{Archive, Options, rootfs};
use seaworthy_diagnostics::{Diagnostic, render};
use seaworthy_image::tree::{Content, Entry, Tree};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

fn said<T>(result: Result<T, Diagnostic>) -> T {
    result.unwrap_or_else(|error| {
        panic!("this test needs Debian packages from this machine's mirror\n{}", render(&error, false))
    })
}

fn lay_out(tree: &Tree, root: &Path) {
    for (path, entry) in &tree.entries {
        let place = root.join(path);
        seaworthy_host::files::create_directory(place.parent().unwrap(), 0o755).unwrap();
        match entry {
            Entry::Directory { mode } => {
                seaworthy_host::files::create_directory(&place, *mode).unwrap();
            }
            Entry::Link { to } => symlink(to, &place).unwrap(),
            Entry::File { mode, content } => {
                match content {
                    Content::Path(from) => _ = fs::copy(from, &place).unwrap(),
                    Content::Bytes(bytes) => seaworthy_host::files::write_volatile(&place, bytes, *mode).unwrap(),
                }
                seaworthy_host::files::set_mode(&place, *mode).unwrap();
            }
        }
    }
}

/// The entry of a path, links followed.
fn found<'a>(tree: &'a Tree, path: &str) -> Option<&'a Entry> {
    let mut path = path.to_owned();
    for _ in 0..20 {
        let link = tree.entries.iter().find_map(|(place, entry)| match entry {
            Entry::Link { to } if path == *place || path.starts_with(&format!("{place}/")) => Some((place, to)),
            _ => None,
        });
        let Some((place, to)) = link else { return tree.entries.get(&path) };
        let rest = &path[place.len()..];
        let parent = place.rsplit_once('/').map_or("", |(parent, _)| parent);
        path = match to.strip_prefix('/') {
            Some(to) => format!("{to}{rest}"),
            None => format!("{parent}/{to}{rest}").trim_start_matches('/').to_owned(),
        };
    }
    None
}

#[test]
fn python_runs_in_the_root_filesystem_that_its_packages_make() {
    let folder = tempfile::tempdir().unwrap();
    let archive = said(Archive::of_this_machine(&folder.path().join("cache"), seaworthy_host::clock::now()));
    let base = said(archive.resolve(&["python3".to_owned()]));
    let packages = said(archive.fetch(&base, &|_| {}));
    let tree = said(rootfs(&packages, &Options::of(&base)));
    assert_eq!(packages.len(), base.locked.len());

    let Some(Entry::File { mode, content: Content::Path(program) }) = found(&tree, "usr/bin/python3") else {
        panic!("no program behind usr/bin/python3")
    };
    assert_eq!(*mode, 0o755);
    let needs = seaworthy_debian::format::elf::needs(&fs::read(program).unwrap()).unwrap();
    let loader = needs.loader.unwrap();
    assert!(found(&tree, loader.trim_start_matches('/')).is_some(), "{loader} is missing");
    assert!(tree.entries.contains_key("var/lib/dpkg/status.d/libc6.md5sums"));
    assert!(!tree.entries.keys().any(|path| path.starts_with("usr/share/man/")));

    let root = folder.path().join("root");
    lay_out(&tree, &root);
    let mut command = seaworthy_host::process::command("/usr/bin/unshare");
    if seaworthy_host::peer::is_root() {
        command.args(["--mount", "--net", "--pid", "--fork"]);
    } else {
        command.args(["--map-root-user", "--mount", "--net", "--pid", "--fork"]);
    }
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").arg("chroot").arg(&root);
    let code = "import http.server, ssl, sqlite3, json, zlib\n\
                print(sqlite3.connect(':memory:').execute('select 6*7').fetchone()[0])";
    let output = command.args(["/usr/bin/python3", "-c", code]).output();
    let output = output.expect("this test needs unshare, of the package util-linux");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "unshare, chroot or python3 failed: {errors}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "42\n");
}

#[test]
fn the_archives_keys_are_trusted_for_their_time_only() {
    let folder = tempfile::tempdir().unwrap();
    let late = seaworthy_host::clock::parse("2099-01-01T00:00:00Z").unwrap();
    let archive = said(Archive::of_this_machine(folder.path(), late));
    assert!(archive.suite().is_some(), "this test needs sources of apt");
    let error = archive.resolve(&["python3".to_owned()]).unwrap_err();
    assert!(!error.evidence.is_empty(), "this test needs the network that leads to the mirror: {error:?}");
    assert!(error.evidence.iter().any(|line| line.ends_with("the key has expired")), "{:?}", error.evidence);
    assert!(!error.evidence.iter().any(|line| line.ends_with("this text")), "{:?}", error.evidence);
}
