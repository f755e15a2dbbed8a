//! Who listens where (`/proc/net/tcp`).

use super::procfs;
use crate::ports::Holder;
use std::fs;
use std::io::Read as _;

/// More of a command line than this is not read.
const WORDS_BYTES_MAX: u64 = 16 * 1024;

/// The process that listens on a TCP port, if this user may see it.
#[must_use]
pub fn listener_of(port: u16) -> Option<Holder> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        let text = fs::read_to_string(table).ok()?;
        text.lines().skip(1).find_map(|line| listening_inode(line, port))
    })?;
    let target = format!("socket:[{inode}]");
    let pid = procfs::all().into_iter().map(|stat| stat.pid).find(|pid| has_open(*pid, &target))?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim().to_owned();
    let words = words(pid);
    // What was executed as `/proc/self/exe` is called `exe` by the kernel: it calls itself better.
    let own = words.first().filter(|_| name == "exe").and_then(|word| word.rsplit('/').next()).map(str::to_owned);
    Some(Holder { pid, name: own.unwrap_or(name), words })
}

/// The words that a process was started with.
fn words(pid: u32) -> Vec<String> {
    let mut bytes = Vec::new();
    let file = fs::File::open(format!("/proc/{pid}/cmdline"));
    let _ = file.and_then(|file| file.take(WORDS_BYTES_MAX).read_to_end(&mut bytes));
    let words = bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    words.filter(|word| !word.is_empty()).collect()
}

/// The socket's inode when this line of the table is a listener (state `0A`) on the port.
fn listening_inode(line: &str, port: u16) -> Option<String> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
    let matches = u16::from_str_radix(local_port, 16).ok()? == port && *fields.get(3)? == "0A";
    if matches { fields.get(9).map(|inode| (*inode).to_owned()) } else { None }
}

fn has_open(pid: u32, target: &str) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    entries.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == target))
}
