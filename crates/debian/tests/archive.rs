//! From an archive to a root filesystem, and everything that an archive may do wrong, against a real server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use pgp::crypto::hash::HashAlgorithm;
use seaworthy_debian::{Archive, Lock, Mirror, Options, rootfs};
use seaworthy_image::tree::{Content, Entry, Tree};
use std::time::{Duration, SystemTime};
use support::{HEAD, Kind, World, files, key, old_key, public, signed};

/// `app` needs two packages, one of them by an alternative and by a versioned `Provides`.
fn world() -> World {
    let mut world = World::new();
    let copyright = ("./usr/share/doc/app/copyright", Kind::File(0o644, "MIT\n"));
    world.add(
        "app",
        "1.2-3",
        "Depends: libfoo1 (>= 2), nothing | shell, debconf\n",
        ".xz",
        &[
            ("./", Kind::Folder(0o755)),
            ("./bin/", Kind::Folder(0o755)),
            ("./bin/app", Kind::File(0o4755, "#!/bin/sh\n")),
            ("./usr/bin/application", Kind::Same("./bin/app")),
            ("./usr/share/doc/app/README", Kind::File(0o644, "no\n")),
            copyright,
            ("./usr/share/ca-certificates/a.crt", Kind::File(0o644, "CERTIFICATE")),
        ],
    );
    world.add(
        "libfoo1t64",
        "2.1",
        "Provides: libfoo1 (= 2.1)\n",
        ".zst",
        &[
            ("./lib/x86_64-linux-gnu/libfoo.so.1", Kind::Link("libfoo.so.1.0")),
            ("./usr/lib/x86_64-linux-gnu/libfoo.so.1.0", Kind::File(0o644, "ELF")),
        ],
    );
    world.add("libfoo1", "1.0", "", ".gz", &[]);
    world.add(
        "shell",
        "1:0.5",
        "Pre-Depends: libfoo1\nReplaces: app\n",
        ".gz",
        &[("./bin/sh", Kind::File(0o755, "shell")), ("./var/run/shell/", Kind::Folder(0o700))],
    );
    world
}

fn shown(tree: &Tree) -> String {
    let line = |(path, entry): (&String, &Entry)| match entry {
        Entry::Directory { mode } => format!("{mode:o} {path}/"),
        Entry::Link { to } => format!("{path} -> {to}"),
        Entry::File { mode, content } => {
            let bytes = match content {
                Content::Bytes(bytes) => bytes.to_vec(),
                Content::Path(path) => std::fs::read(path).unwrap(),
            };
            let text = String::from_utf8_lossy(&bytes);
            format!("{mode:o} {path} = {:?}", text.chars().take(40).collect::<String>())
        }
    };
    tree.entries.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_root_filesystem_of_a_package() {
    let world = world();
    world.publish();
    let base = world.resolve(&["app"]).unwrap();
    let names: Vec<String> = base.locked.iter().map(|p| format!("{} {}", p.name, p.version)).collect();
    assert_eq!(names, ["app 1.2-3", "libfoo1t64 2.1", "shell 1:0.5"]);
    insta::assert_snapshot!(shown(&world.tree(&base).unwrap()));
    assert!(files(&world.cache()).iter().all(|path| !path.contains(".partial-")));
}

#[test]
fn what_is_here_is_not_fetched_and_a_lock_gives_the_same() {
    let world = world();
    world.publish();
    let base = world.resolve(&["app"]).unwrap();
    let tree = world.tree(&base).unwrap();
    assert!(world.server.requests().iter().any(|path| path.contains("/by-hash/SHA256/")));
    let mut lock = Lock::default();
    lock.set(base);
    let lock = Lock::parse(&lock.to_text()).unwrap();
    let locked = lock.entry(&["app".to_owned()], Some("stable"), "amd64").unwrap();
    assert_eq!(world.tree(locked).unwrap(), tree);
    assert_eq!(world.server.requests(), Vec::<String>::new());
    world.resolve(&["app"]).unwrap();
    assert_eq!(world.server.requests(), ["/debian/dists/stable/InRelease"]);
    // A file that was damaged on the disk is had anew.
    let unpacked = world.cache().join("unpacked/1");
    let damaged = files(&unpacked).into_iter().find(|path| path.ends_with("/0")).unwrap();
    std::fs::File::options().write(true).open(damaged).unwrap().set_len(0).unwrap();
    let packages = world.cache().join("packages");
    std::fs::File::options().write(true).open(&files(&packages)[0]).unwrap().set_len(9).unwrap();
    assert_eq!(shown(&world.tree(locked).unwrap()), shown(&tree));
    assert_eq!(world.server.requests().len(), 1);
}

#[test]
fn several_at_once_have_the_same_and_take_nothing_from_each_other() {
    let world = world();
    world.publish();
    let base = world.resolve(&["app"]).unwrap();
    for _ in 0..20 {
        let start = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            let one = || {
                start.wait();
                shown(&world.tree(&base).unwrap())
            };
            let all: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
            let all: Vec<String> = all.into_iter().map(|thread| thread.join().unwrap()).collect();
            assert!(all.iter().all(|tree| *tree == all[0]));
        });
        std::fs::remove_dir_all(world.cache().join("unpacked")).unwrap();
    }
}

#[test]
fn only_a_good_signature_of_a_trusted_key_will_do() {
    let mut world = world();
    world.key = old_key();
    let (release, stranger) = (world.release(), key());
    let refused = |file: Vec<u8>| {
        world.publish_signed(file);
        let error = world.resolve(&["app"]).unwrap_err();
        assert_eq!(files(&world.cache()), Vec::<String>::new(), "nothing is written");
        error
    };
    let unknown = refused(signed(&release, &[&stranger], HashAlgorithm::Sha256));
    assert!(unknown.evidence[0].ends_with("the key is not known"), "{unknown:?}");
    let weak = refused(signed(&release, &[&world.key], HashAlgorithm::Sha1));
    insta::assert_snapshot!(world.shown(&weak));
    let good = String::from_utf8(signed(&release, &[&world.key], HashAlgorithm::Sha512)).unwrap();
    let changed = refused(good.replace("Version: 12.11", "Version: 12.12").into_bytes());
    assert!(changed.evidence[0].ends_with("does not belong to this text"), "{changed:?}");
    let framed = refused(format!("Suite: stable\n{good}").into_bytes());
    assert!(framed.message.contains("cannot be read"), "{framed:?}");
    refused(b"<html>not found</html>".to_vec());
    // One of several is enough.
    world.publish_signed(signed(&release, &[&stranger, &world.key], HashAlgorithm::Sha256));
    world.resolve(&["app"]).unwrap();
}

#[test]
fn a_release_that_is_old_early_or_of_something_else_is_refused() {
    let mut world = world();
    let mut errors = Vec::new();
    for (from, to) in [
        ("Origin:", "Valid-Until: Sun, 12 Jan 2025 10:16:37 UTC\nOrigin:"),
        ("11 Jan 2025", "11 Jan 2125"),
        ("Suite: stable\nCodename: bookworm", "Suite: unstable\nCodename: sid"),
        ("Date:", "When:"),
        ("Date: Sat, 11 Jan", "Date: soon, 99"),
    ] {
        world.head = HEAD.replacen(from, to, 1);
        world.publish();
        errors.push(world.shown(&world.resolve(&["app"]).unwrap_err()));
    }
    assert_eq!(files(&world.cache()), Vec::<String>::new());
    insta::assert_snapshot!(errors.join("\n"));
    // The dates are compared with the time that is given, not with the clock.
    world.head = HEAD.replacen("Origin:", "Valid-Until: Sun, 12 Jan 2125 10:16:37 UTC\nOrigin:", 1);
    world.publish();
    world.resolve(&["app"]).unwrap();
}

#[test]
fn what_is_not_as_promised_is_not_kept() {
    let world = world();
    world.publish();
    let turn = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
    for path in ["Packages.xz", ".deb"] {
        let end = if path == ".deb" { "app_1.2-3_all.deb" } else { path };
        world.server.change(end, turn);
    }
    let base = world.resolve(&["app"]).unwrap();
    let wrong = world.tree(&base).unwrap_err();
    assert!(wrong.message.starts_with("`app` 1.2-3 is not what `seaworthy.lock` names: SHA-256"), "{wrong:?}");
    world.server.change("app_1.2-3_all.deb", |bytes| bytes.truncate(100));
    let short = world.tree(&base).unwrap_err();
    assert!(short.message.ends_with(&format!("100 bytes, not {}", base.locked[0].size)), "{short:?}");
    world.server.change("app_1.2-3_all.deb", |bytes| bytes.extend(vec![0; 1 << 20]));
    let long = world.tree(&base).unwrap_err();
    assert!(long.message.contains("it is longer than"), "{long:?}");
    let sum = &base.locked[0].sha256;
    assert!(files(&world.cache()).iter().all(|path| !path.contains(sum) && !path.contains(".partial-")));
}

#[test]
fn a_list_that_is_not_as_promised_is_refused() {
    let world = world();
    world.publish();
    let sum = world.release().lines().last().unwrap().split_whitespace().next().unwrap().to_owned();
    for end in ["Packages.xz", &sum] {
        world.server.change(end, |bytes| bytes[40] ^= 1);
    }
    let error = world.resolve(&["app"]).unwrap_err();
    assert!(error.message.contains("is not what the archive promised"), "{error:?}");
    assert_eq!(files(&world.cache()), Vec::<String>::new());
}

#[test]
fn a_package_that_is_gone_and_one_that_was_never_there() {
    let world = world();
    world.publish();
    let base = world.resolve(&["app"]).unwrap();
    world.server.remove("shell_1:0.5_all.deb");
    let gone = world.tree(&base).unwrap_err();
    let unknown = world.resolve(&["ap"]).unwrap_err();
    insta::assert_snapshot!([gone, unknown].map(|error| world.shown(&error)).join("\n"));
}

#[test]
fn a_mirror_that_is_unwell_for_a_moment_is_asked_again() {
    let world = world();
    world.publish();
    let path = "/debian/dists/stable/InRelease";
    world.server.fail(path, 2);
    world.resolve(&["app"]).unwrap();
    assert_eq!(world.server.requests().iter().filter(|asked| *asked == path).count(), 3);
    world.server.fail(path, 100);
    let error = world.resolve(&["app"]).unwrap_err();
    assert!(error.message.ends_with("the answer is 503 Service Unavailable (tried 4 times)"), "{error:?}");
    assert_eq!(error.retry, seaworthy_diagnostics::Retry::Later);
}

#[test]
fn a_package_that_is_none_is_refused_before_it_is_unpacked_whole() {
    let mut world = World::new();
    world.add("evil", "1", "", ".gz", &[("./usr/bin/x", Kind::File(0o755, "x"))]);
    world.add("short", "1", "", ".xz", &[("./usr/bin/y", Kind::File(0o755, "y"))]);
    world.publish();
    let base = world.resolve(&["short"]).unwrap();
    // The list promises what is there, but that is no package.
    let mut base = base;
    world.server.put("/debian/pool/x.deb", b"!<arch>\nnonsense".to_vec());
    base.locked[0].path = "pool/x.deb".to_owned();
    base.locked[0].size = 16;
    base.locked[0].sha256 = support::sha256(b"!<arch>\nnonsense");
    let error = world.tree(&base).unwrap_err();
    assert_eq!(error.message, "`short 1` cannot be read: the header of its member 1 is damaged");
    assert_eq!(files(&world.cache().join("unpacked")), Vec::<String>::new());
}

#[test]
fn a_mirror_is_checked_before_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let open = |uri: &str, keyring: Vec<u8>| {
        let (suites, components) = (vec!["stable".to_owned()], vec!["main".to_owned()]);
        let mirror = Mirror { uri: uri.to_owned(), suites, components, keyrings: vec![keyring] };
        Archive::new(&[mirror], folder.path(), SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 30))
    };
    let key = public(&key());
    assert!(open("http://127.0.0.1:9/debian", key.clone()).is_ok());
    let errors = [open("ftp://a/debian", key).unwrap_err(), open("http://me:secret@a/", b"x".to_vec()).unwrap_err()];
    insta::assert_snapshot!(errors.map(|error| seaworthy_diagnostics::render(&error, false)).join("\n"));
}

#[test]
fn documentation_comes_when_it_is_asked_for() {
    let world = world();
    world.publish();
    let base = world.resolve(&["app"]).unwrap();
    let packages = world.archive().fetch(&base, &|progress| assert!(progress.done <= progress.size)).unwrap();
    let tree = rootfs(&packages, &Options { documentation: true, ..Options::of(&base) }).unwrap();
    assert!(tree.entries.contains_key("usr/share/doc/app/README"));
}
