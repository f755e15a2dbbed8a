//! How much of a machine there is for this process.

/// How many programs can really run at once.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Bytes of memory that this process and its children may use together: the machine's, or what their control groups
/// leave of it. `None` where nobody says.
#[must_use]
pub fn memory_bytes() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let whole = total(&read("/proc/meminfo"))?;
        let limits = groups(&read("/proc/self/cgroup")).into_iter().filter_map(|file| read(&file).trim().parse().ok());
        Some(limits.fold(whole, u64::min))
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// `MemTotal` of proc_meminfo(5).
#[cfg(target_os = "linux")]
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Where the memory limits of this process's control groups may stand, those above them included. What is not there
/// limits nothing.
#[cfg(target_os = "linux")]
fn groups(own: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in own.lines() {
        let Some((controllers, group)) = line.split_once(':').and_then(|(_, rest)| rest.split_once(':')) else {
            continue;
        };
        let (top, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            one if one.split(',').any(|one| one == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let above = std::path::Path::new(group).ancestors();
        files.extend(above.map(|group| format!("{top}{}/{file}", group.display().to_string().trim_end_matches('/'))));
    }
    files
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_cores_and_memory() {
        assert!(cores() > 0);
        assert!(memory_bytes().unwrap() > 16 << 20);
        assert_eq!(total("MemFree: 1 kB\nMemTotal:       2048 kB\n"), Some(2 << 20));
        assert_eq!(total("nothing"), None);
    }

    #[test]
    fn limits_stand_in_the_own_groups_and_above() {
        let files = groups("4:memory:/box/a\n1:cpu:/\n0::/b\n");
        let expected = [
            "/sys/fs/cgroup/memory/box/a/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/box/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/b/memory.max",
            "/sys/fs/cgroup/memory.max",
        ];
        assert_eq!(files, expected);
    }
}
