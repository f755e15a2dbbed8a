//! What `/proc` tells (proc(5)).

use std::fs;

/// A line of `/proc/PID/stat`, as far as it is of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Process id.
    pub pid: u32,
    /// `R`, `S`, `Z`, …
    pub state: char,
    /// The parent's id.
    pub parent: u32,
    /// The process group.
    pub group: u32,
    /// The session.
    pub session: u32,
    /// When it started, in clock ticks since the machine did (field 22).
    pub start_time: u64,
}

/// Reads one process's line; `None` when it is gone.
#[must_use]
pub fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The command's name may hold blanks and parentheses: what counts is after the last one.
fn parse_stat(line: &str) -> Option<Stat> {
    let (head, tail) = line.rsplit_once(')')?;
    let pid = head.split_once(' ')?.0.parse().ok()?;
    let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u32>().ok();
    Some(Stat {
        pid,
        state: fields.first()?.chars().next()?,
        parent: number(1)?,
        group: number(2)?,
        session: number(3)?,
        start_time: fields.get(19)?.parse().ok()?,
    })
}

/// The process's id in the innermost of the namespaces that it has one in.
#[must_use]
pub fn innermost_pid(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    value(&text, "NSpid")?.split_ascii_whitespace().last()?.parse().ok()
}

/// Every process there is (of those that may be seen).
#[must_use]
pub fn all() -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    pids.filter_map(stat).collect()
}

/// What a process takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of memory in RAM that are of no file; those that are shared with a process it was forked from in full.
    pub own_bytes: u64,
    /// Its threads.
    pub threads: u32,
}

/// What a process takes; `None` when it is gone.
#[must_use]
pub fn usage(pid: u32) -> Option<Usage> {
    parse_usage(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// One that has ended and is not waited for yet has no memory any more.
fn parse_usage(text: &str) -> Option<Usage> {
    let own_bytes = bytes(text, "RssAnon").unwrap_or_default() + bytes(text, "RssShmem").unwrap_or_default();
    Some(Usage { own_bytes, threads: value(text, "Threads")?.parse().ok()? })
}

/// What stands behind a name and its colon.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The same, of a size in kB.
fn bytes(text: &str, name: &str) -> Option<u64> {
    value(text, name)?.strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Identifies this run of the machine.
#[must_use]
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Bytes of memory in RAM that belong to a process, shared pages divided among those who share them; `None` when it is
/// gone or another user's.
#[must_use]
pub fn proportional_bytes(pid: u32) -> Option<u64> {
    bytes(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?, "Pss")
}

/// Bytes of memory in RAM that a process uses, shared pages in full.
#[must_use]
pub fn resident_bytes(pid: u32) -> Option<u64> {
    bytes(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "VmRSS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_confuse() {
        let line = "42 (a) b (c)) S 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 1 2";
        let expected = Stat { pid: 42, state: 'S', parent: 7, group: 8, session: 9, start_time: 12345 };
        assert_eq!(parse_stat(line), Some(expected));
        assert_eq!(parse_stat("42 (x"), None);
    }

    #[test]
    fn what_is_of_a_file_is_not_a_process_s_own() {
        let text =
            "Name:\tx\nVmRSS:\t   90 kB\nRssAnon:\t      20 kB\nRssFile:\t  60 kB\nRssShmem:\t  10 kB\nThreads:\t3\n";
        assert_eq!(parse_usage(text), Some(Usage { own_bytes: 30 * 1024, threads: 3 }));
        assert_eq!(parse_usage("Name:\tgone\nThreads:\t1\n"), Some(Usage { own_bytes: 0, threads: 1 }));
        assert_eq!(parse_usage("Name:\tx\n"), None);
        let own = usage(std::process::id()).expect("this one");
        assert!(own.own_bytes > 0 && own.threads > 0, "{own:?}");
    }
}
