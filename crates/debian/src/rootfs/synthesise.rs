//! What maintainer scripts, the installer or `base-files` would make, as far as programs ask for it.

use super::Options;
use crate::error::Error;
use seaworthy_host::files;
use seaworthy_image::tree::{Content, Entry, Tree};

/// The links of a merged `/usr`, and those that `base-files` has.
const LINKS: &[(&str, &str)] = &[
    ("bin", "usr/bin"),
    ("lib", "usr/lib"),
    ("lib32", "usr/lib32"),
    ("lib64", "usr/lib64"),
    ("libx32", "usr/libx32"),
    ("sbin", "usr/sbin"),
    ("var/lock", "/run/lock"),
    ("var/run", "/run"),
];

const FOLDERS: &[(&str, u32)] = &[
    ("app", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("run/lock", 0o1777),
    ("srv", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr/bin", 0o755),
    ("usr/lib", 0o755),
    ("usr/local/bin", 0o755),
    ("usr/sbin", 0o755),
    ("var/cache", 0o755),
    ("var/lib", 0o755),
    ("var/log", 0o755),
    ("var/tmp", 0o1777),
];

const FILES: &[(&str, &str)] = &[
    ("etc/group", "root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n"),
    ("etc/host.conf", "multi on\n"),
    ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    (
        "etc/nsswitch.conf",
        "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n\
         protocols: files\nservices: files\n",
    ),
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/usr/sbin/nologin\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
         www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    ("etc/resolv.conf", ""),
];

const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";

/// The links that are there before any package is.
pub(super) fn links() -> Vec<(&'static str, &'static str)> {
    LINKS.to_vec()
}

/// Adds what no package brought.
pub(super) fn add(tree: &mut Tree, options: &Options) -> Result<(), Error> {
    for (path, mode) in FOLDERS {
        tree.entries.entry((*path).to_owned()).or_insert(Entry::Directory { mode: *mode });
    }
    // Folders with a sticky bit stay so, whoever had them.
    for path in ["tmp", "var/tmp"] {
        tree.entries.insert(path.to_owned(), Entry::Directory { mode: 0o1777 });
    }
    for (path, to) in LINKS {
        let is_wide = path.starts_with("lib") && *path != "lib";
        let below = format!("{to}/");
        let is_used = tree.entries.range(below.clone()..).next().is_some_and(|(path, _)| path.starts_with(&below));
        if !is_wide || is_used || (*path == "lib64" && options.architecture == "amd64") {
            if is_wide {
                tree.entries.entry((*to).to_owned()).or_insert(Entry::Directory { mode: 0o755 });
            }
            tree.entries.insert((*path).to_owned(), Entry::Link { to: (*to).to_owned() });
        }
    }
    for (path, text) in FILES {
        add_text(tree, path, text);
    }
    add_release(tree, options);
    add_certificates(tree)
}

fn add_text(tree: &mut Tree, path: &str, text: &str) {
    let file = Entry::File { mode: 0o644, content: Content::Bytes(text.as_bytes().into()) };
    tree.entries.entry(path.to_owned()).or_insert(file);
}

fn add_link(tree: &mut Tree, path: &str, to: &str) {
    tree.entries.entry(path.to_owned()).or_insert(Entry::Link { to: to.to_owned() });
}

/// os-release(5); scanners and programs learn from it which Debian this is.
fn add_release(tree: &mut Tree, options: &Options) {
    let origin = options.origin.as_deref().unwrap_or("Debian");
    let id: String =
        origin.to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
    // A point release of Debian is a version of its packages, not of the system.
    let version = options.version.as_deref().map(|version| match id.as_str() {
        "debian" => version.split('.').next().unwrap_or(version),
        _ => version,
    });
    let name = if id == "debian" { "Debian GNU/Linux" } else { origin };
    let codename = options.codename.as_deref();
    let full = match (version, codename) {
        (Some(version), Some(codename)) => format!("{version} ({codename})"),
        (version, codename) => version.or(codename).unwrap_or_default().to_owned(),
    };
    let quote = |text: &str| text.replace(['"', '\\', '$', '`', '\n'], "");
    let mut text = format!("PRETTY_NAME=\"{}\"\nNAME=\"{}\"\n", quote(format!("{name} {full}").trim()), quote(name));
    if let Some(version) = version {
        text += &format!("VERSION_ID=\"{}\"\nVERSION=\"{}\"\n", quote(version), quote(&full));
    }
    if let Some(codename) = codename {
        text += &format!("VERSION_CODENAME={}\n", quote(codename));
    }
    text += &format!("ID={id}\n");
    add_text(tree, "usr/lib/os-release", &text);
    add_link(tree, "etc/os-release", "../usr/lib/os-release");
    if id == "debian" {
        let version = options.version.as_deref().or(codename).unwrap_or("unknown");
        add_text(tree, "etc/debian_version", &format!("{version}\n"));
    }
}

/// What `update-ca-certificates` makes: one bundle, where OpenSSL, GnuTLS and most runtimes look. The folder of links
/// by hash is not made: the bundle is OpenSSL's default file.
fn add_certificates(tree: &mut Tree) -> Result<(), Error> {
    let mut bundle = Vec::new();
    let folder = "usr/share/ca-certificates/";
    for (path, entry) in tree.entries.range(folder.to_owned()..).take_while(|(path, _)| path.starts_with(folder)) {
        let Entry::File { content, .. } = entry else { continue };
        if path.ends_with(".crt") {
            match content {
                Content::Bytes(bytes) => bundle.extend_from_slice(bytes),
                Content::Path(file) => bundle.extend(files::read(file)?),
            }
            if bundle.last() != Some(&b'\n') {
                bundle.push(b'\n');
            }
        }
    }
    if !bundle.is_empty() {
        let file = Entry::File { mode: 0o644, content: Content::Bytes(bundle.into()) };
        tree.entries.entry(BUNDLE.to_owned()).or_insert(file);
        add_link(tree, "usr/lib/ssl/certs", "/etc/ssl/certs");
        add_link(tree, "usr/lib/ssl/cert.pem", &format!("/{BUNDLE}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tree: &Tree, path: &str) -> String {
        match &tree.entries[path] {
            Entry::File { content: Content::Bytes(bytes), .. } => String::from_utf8(bytes.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn says_which_debian_it_is() {
        let options = Options {
            origin: Some("Debian".into()),
            codename: Some("bookworm".into()),
            version: Some("12.11".into()),
            ..Options::default()
        };
        let mut tree = Tree::default();
        add(&mut tree, &options).unwrap();
        insta::assert_snapshot!(text(&tree, "usr/lib/os-release"), @r#"
        PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
        NAME="Debian GNU/Linux"
        VERSION_ID="12"
        VERSION="12 (bookworm)"
        VERSION_CODENAME=bookworm
        ID=debian
        "#);
        assert_eq!(text(&tree, "etc/debian_version"), "12.11\n");
        assert_eq!(tree.entries["tmp"], Entry::Directory { mode: 0o1777 });
        assert!(!tree.entries.contains_key("lib64") && !tree.entries.contains_key(BUNDLE));
    }

    #[test]
    fn certificates_become_one_file_and_packages_files_stay() {
        let mut tree = Tree::default();
        for (name, content) in [("b.crt", "B\n"), ("a.crt", "A"), ("README", "no")] {
            add_text(&mut tree, &format!("usr/share/ca-certificates/mozilla/{name}"), content);
        }
        add_text(&mut tree, "etc/passwd", "own");
        add_text(&mut tree, "usr/lib64/ld", "");
        add(&mut tree, &Options::default()).unwrap();
        assert_eq!(text(&tree, BUNDLE), "A\nB\n");
        assert_eq!(text(&tree, "etc/passwd"), "own");
        assert_eq!(tree.entries["lib64"], Entry::Link { to: "usr/lib64".into() });
        assert!(tree.entries.contains_key("usr/lib/ssl/cert.pem"));
    }
}
