//! The files in `/etc` that are the same in every instance, whatever the image has: who there is, which names resolve.

use super::failure::Context as _;
use super::root::make_folder;
use crate::place::HOME;
use crate::wire::SandboxSpec;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Who knows what: the files here. The only name server inside is the shim, which knows no more names than they do.
const NSSWITCH: &str = "passwd: files\ngroup: files\nshadow: files\nnetworks: files\nprotocols: files\nservices: files\n\
                        ethers: files\nrpc: files\n";

/// Replaces them; what is at their place in the image is not followed anywhere.
pub(super) fn write(sandbox: &SandboxSpec) -> io::Result<()> {
    let files = [
        ("passwd", passwd(sandbox.user)),
        ("group", group(sandbox.user)),
        ("hosts", hosts(sandbox)),
        ("hostname", format!("{}\n", sandbox.hostname)),
        ("nsswitch.conf", nsswitch(sandbox)),
        ("resolv.conf", resolv(sandbox)),
    ];
    let folder = Path::new("/etc");
    make_folder(folder)?;
    for (name, content) in files {
        let path = folder.join(name);
        replace(&path, &content).context(format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

fn replace(path: &Path, content: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::options().write(true).create_new(true).open(path)?.write_all(content.as_bytes())
}

fn passwd(user: u32) -> String {
    format!(
        "root:x:0:0:root:/root:/bin/false\napp:x:{user}:{user}:the service:{HOME}:/bin/sh\n\
         nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
    )
}

fn group(user: u32) -> String {
    format!("root:x:0:\napp:x:{user}:\nnogroup:x:65534:\n")
}

fn hosts(sandbox: &SandboxSpec) -> String {
    let mut text = format!("127.0.0.1 localhost {}\n::1 localhost ip6-localhost ip6-loopback\n", sandbox.hostname);
    for (address, name) in &sandbox.hosts {
        text.push_str(&format!("{address} {name}\n"));
    }
    text
}

fn nsswitch(sandbox: &SandboxSpec) -> String {
    let servers = if sandbox.resolver.is_some() { " dns" } else { "" };
    format!("{NSSWITCH}hosts: files{servers}\n")
}

/// Who does not answer at once does not answer.
fn resolv(sandbox: &SandboxSpec) -> String {
    let server = |address| format!("nameserver {address}\noptions timeout:1 attempts:1\n");
    sandbox.resolver.map(server).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sandbox_spec;

    #[test]
    fn only_what_was_declared_resolves() {
        let mut sandbox = sandbox_spec();
        sandbox.hosts = vec![([127, 1, 0, 1].into(), "payment-provider".to_owned())];
        insta::assert_snapshot!(hosts(&sandbox), @r"
        127.0.0.1 localhost web
        ::1 localhost ip6-localhost ip6-loopback
        127.1.0.1 payment-provider
        ");
        assert!(nsswitch(&sandbox).ends_with("hosts: files\n") && resolv(&sandbox).is_empty());
        sandbox.resolver = Some([127, 3, 0, 53].into());
        assert!(nsswitch(&sandbox).ends_with("hosts: files dns\n"));
        assert_eq!(resolv(&sandbox), "nameserver 127.3.0.53\noptions timeout:1 attempts:1\n");
    }
}
