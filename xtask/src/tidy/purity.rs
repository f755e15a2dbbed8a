//! Some crates, and some files, do no IO at all.

use super::Problem;
use std::path::Path;

/// Where no IO may be.
const PURE: &[&str] = &[
    "crates/model/src",
    "crates/reports/src",
    "crates/deploy/src/plan",
    "crates/deploy/src/planner",
    "crates/gateway/src/http1",
];

const IO: &[&str] = &[
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UnixStream",
    "ToSocketAddrs",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "tokio::",
];

pub(super) fn check(file: &Path, content: &str) -> Vec<Problem> {
    if !PURE.iter().any(|folder| file.starts_with(folder) || file == Path::new(&format!("{folder}.rs"))) {
        return Vec::new();
    }
    let code = content.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]");
    code.filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter_map(|(index, line)| IO.iter().find(|word| line.contains(**word)).map(|word| (index, word)))
        .map(|(index, word)| Problem::new(file, index + 1, format!("`{word}` where no IO is done")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_does_no_io_but_its_tests_may() {
        let content = "fn f() {\n    std::fs::read(\"x\");\n}\n";
        assert_eq!(check(Path::new("crates/model/src/name.rs"), content).len(), 1);
        assert_eq!(check(Path::new("crates/host/src/name.rs"), content).len(), 0);
        assert_eq!(check(Path::new("crates/model/src/name.rs"), &format!("#[cfg(test)]\n{content}")).len(), 0);
    }
}
