//! The workflows that `init --ci` writes, judged by actionlint (with shellcheck, where that is).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where `scripts/packages.sh` puts it, or anywhere on the PATH.
fn actionlint() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/actionlint");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::iter::once(own).chain(std::env::split_paths(&path).map(|folder| folder.join("actionlint")));
    places.into_iter().find(|program| program.is_file())
}

fn init(folder: &Path, words: &[&str]) {
    let mut command: Command = seaworthy_host::process::command(env!("CARGO_BIN_EXE_seaworthy"));
    command.arg("init").args(words).current_dir(folder).env("HOME", folder).env("SEAWORTHY_HOME", folder.join("home"));
    let ran = command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).output().expect("seaworthy");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn actionlint_finds_nothing() {
    let Some(actionlint) = actionlint() else {
        let _ = writeln!(std::io::stderr(), "skipped: needs actionlint");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = "app = \"shop\"\n[services.web]\nrun = [\"node\", \"a.js\"]\nbuild = \"npm ci\"\n";
    seaworthy_host::files::write_atomic(&folder.path().join("seaworthy.toml"), manifest.as_bytes(), 0o644)
        .expect("a manifest");
    let source = "https://git.example.com/seaworthy.git";
    init(folder.path(), &["--ci", "github", "--from", source]);
    init(folder.path(), &["--ci", "forgejo", "--from", source]);
    let lint = |file: &str| {
        let mut command = seaworthy_host::process::command(&actionlint);
        command.current_dir(folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", folder.path());
        // Forgejo's runners have labels of their own, and its actions are named by address. Options come first: what
        // stands behind a file is another file.
        command.args(["-no-color", "-ignore", "label \"docker\" is unknown"]);
        command.args(["-ignore", "specifying action \"https://"]).arg(folder.path().join(file));
        let ran = command.output().expect("actionlint");
        let said = [ran.stdout, ran.stderr].concat();
        (ran.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    for file in [".github/workflows/seaworthy.yml", ".forgejo/workflows/seaworthy.yml"] {
        let (is_clean, said) = lint(file);
        assert!(is_clean, "{file}: {said}");
    }
    // It does look.
    let wrong = std::fs::read_to_string(folder.path().join(".github/workflows/seaworthy.yml")).expect("a workflow");
    let wrong = wrong.replace("runs-on: ubuntu-latest", "runs-on: nowhere");
    seaworthy_host::files::write_atomic(&folder.path().join("wrong.yml"), wrong.as_bytes(), 0o644).expect("a file");
    assert!(!lint("wrong.yml").0);
}
