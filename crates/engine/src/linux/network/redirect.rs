//! Connections that are sent elsewhere within the network of an instance, by the `nft` program: libraries for nf_tables
//! need C libraries or a runtime that the shim does not have.

use crate::wire::Redirect;
use seaworthy_host::process;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Stdio;

/// Where distributions have it.
const PLACES: [&str; 4] = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"];

fn program() -> Option<&'static Path> {
    PLACES.iter().map(Path::new).find(|path| path.exists())
}

/// Makes a rule that sends nothing anywhere, in the network of the caller.
pub(crate) fn try_to_redirect() -> io::Result<()> {
    let address = |number| SocketAddr::from((Ipv4Addr::new(127, 0, 0, number), 1));
    install(&[Redirect { from: address(2), to: address(3) }])
}

/// Makes the rules, in the network of the caller.
pub(super) fn install(redirects: &[Redirect]) -> io::Result<()> {
    if redirects.is_empty() {
        return Ok(());
    }
    let Some(program) = program() else {
        return Err(io::Error::other("there is no `nft` to send connections elsewhere"));
    };
    let mut command = process::command(program);
    command.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    // SAFETY: the shim has one thread, and nothing here takes a lock.
    unsafe { command.pre_exec(keep_the_network) };
    let mut child = command.spawn()?;
    // One that ends before it has read them says below why.
    let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(rules(redirects).as_bytes()));
    let output = child.wait_with_output()?;
    if output.status.success() {
        return written;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("`nft` refuses: {}", said.lines().next().unwrap_or_default())))
}

/// In a user namespace in which the shim is not root, a program that it executes would lose its rights
/// (capabilities(7)).
fn keep_the_network() -> io::Result<()> {
    use rustix::thread::{CapabilitySet, capabilities, configure_capability_in_ambient_set, set_capabilities};
    let mut own = capabilities(None)?;
    own.inheritable |= CapabilitySet::NET_ADMIN & own.permitted;
    set_capabilities(None, own)?;
    Ok(configure_capability_in_ambient_set(CapabilitySet::NET_ADMIN, true)?)
}

/// Not `redirect`, which would send them to 127.0.0.1, where the program itself listens.
fn rules(redirects: &[Redirect]) -> String {
    let mut text = "table ip seaworthy {\n chain output {\n  type nat hook output priority -100;\n".to_owned();
    for Redirect { from, to } in redirects {
        let _ = writeln!(text, "  ip daddr {} tcp dport {} dnat to {to}", from.ip(), from.port());
    }
    text + " }\n}\n"
}
