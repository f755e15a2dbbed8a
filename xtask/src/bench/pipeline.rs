//! `cargo xtask bench pipeline`: how long a verdict takes when everything is new, nothing is, or one service is.

use super::failed;
use super::spread::Spread;
use crate::bench_options::Options;
use crate::failure::Failure;
use crate::{output, shell};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

/// Source files of each service, besides its two scripts.
const FILES: usize = 20;
const SIZES: [usize; 2] = [5, 50];

/// `cargo xtask bench pipeline [--rounds N] [--binary PATH]`; without a binary it is built.
pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let rounds = options.number("--rounds", 7).max(1);
    let binary = super::binary(options)?;
    output::line(format!("`seaworthy check`, median (least–greatest) of {rounds} rounds, seconds\n"));
    output::line("| services | cold | nothing changed | one service changed |\n|---|---|---|---|");
    for services in SIZES {
        let app = App::new(&binary, services)?;
        let cold = app.check()?;
        let (mut warm, mut changed) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            warm.push(app.check()?);
            app.change(usize::try_from(round).unwrap_or(0) % services, round)?;
            changed.push(app.check()?);
        }
        let (warm, changed) = (Spread::of(warm), Spread::of(changed));
        output::line(format!("| {services} | {cold:.2} | {warm:.3} | {changed:.2} |"));
    }
    Ok(())
}

/// An app of small services with scripts for build and test, in a repository and a home of its own.
struct App<'a> {
    folder: tempfile::TempDir,
    binary: &'a Path,
}

impl<'a> App<'a> {
    fn new(binary: &'a Path, services: usize) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("seaworthy-bench-").tempdir();
        let app = Self { folder: folder.map_err(failed("a temporary folder"))?, binary };
        let mut manifest = "app = \"bench\"\n".to_owned();
        for number in 0..services {
            let name = format!("service-{number}");
            let _ = write!(
                manifest,
                "[services.{name}]\nbuild = \"sh build.sh\"\ntest = \"sh test.sh\"\nfiles = [\"out\"]\n\
                 run = [\"./out\"]\nbase = \"scratch\"\n"
            );
            app.write(&format!("{name}/build.sh"), "cat source-* > out\nchmod +x out\n")?;
            app.write(&format!("{name}/test.sh"), "grep -q source out\n")?;
            for file in 0..FILES {
                app.write(&format!("{name}/source-{file}"), &format!("# source {file} of {name}\n"))?;
            }
        }
        app.write(".gitignore", "out\n")?;
        app.write("seaworthy.toml", &manifest)?;
        app.git(&["init", "--quiet"])?;
        app.commit()?;
        Ok(app)
    }

    fn sources(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    #[expect(clippy::disallowed_methods, reason = "a throwaway file")]
    fn write(&self, name: &str, content: &str) -> Result<(), Failure> {
        let path = self.sources().join(name);
        let folder = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).map_err(|source| Failure::Io { path: folder.to_owned(), source })?;
        fs::write(&path, content).map_err(|source| Failure::Io { path, source })
    }

    fn git(&self, words: &[&str]) -> Result<(), Failure> {
        let author = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost"];
        shell::capture(&self.sources(), &[&author, words].concat()).map(drop)
    }

    fn commit(&self) -> Result<(), Failure> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", "a change"])
    }

    fn change(&self, service: usize, round: u64) -> Result<(), Failure> {
        self.write(&format!("service-{service}/source-0"), &format!("# source of round {round}\n"))?;
        self.commit()
    }

    /// How long a check takes, in seconds; it has to pass.
    fn check(&self) -> Result<f64, Failure> {
        let program = self.binary.display().to_string();
        let mut command = shell::command(&self.sources(), &[&program, "check", "--json"]);
        command.env("SEAWORTHY_HOME", self.folder.path().join("home"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = Instant::now();
        shell::status(command, "seaworthy check")?;
        Ok(started.elapsed().as_secs_f64())
    }
}
