//! `cargo xtask fresh`: `setup.sh` and `test.sh` on a machine that has nothing.
//!
//! The machine is a Debian root made by debootstrap. Into it come the project's files as HEAD has them (no git
//! history), the Rust toolchain, and what tells package managers where to fetch from. So an install step that is
//! missing shows. There is no systemd. Everything runs in mount and process namespaces of its own: when it ends, its
//! mounts and its processes are gone.

mod base;
mod inside;
mod toolchain;

use crate::failure::Failure;
use crate::{output, shell, workspace};
use std::fs;
use std::path::Path;
use std::time::Instant;

const USAGE: &str = "usage: cargo xtask fresh [--setup-only] [--keep] [--anew] [--suite NAME] [-- TEST.SH-ARGUMENT…]

  --setup-only   without test.sh
  --keep         keep the root for a look around: target/fresh/root
  --anew         make the base anew instead of taking the last one
  --suite NAME   another Debian release than bookworm";

struct Options {
    setup_only: bool,
    keep: bool,
    anew: bool,
    suite: String,
    test_arguments: Vec<String>,
}

/// `cargo xtask fresh`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = parse(arguments)?;
    let workspace = workspace::root();
    let folder = workspace.join("target/fresh");
    create(&folder)?;
    let base = base::make(&folder, &options.suite, options.anew)?;
    let root = folder.join("root");
    remove(&root)?;
    output::line("==> copying the base, and the project's files of HEAD");
    shell::run(&folder, &["cp", "--archive", "--reflink=auto", &text(&base), &text(&root)])?;
    let project = root.join("project");
    create(&project)?;
    let archive = folder.join("project.tar");
    shell::run(&workspace, &["git", "archive", "--format=tar", "--output", &text(&archive), "HEAD"])?;
    shell::run(&folder, &["tar", "--extract", "--file", &text(&archive), "--directory", &text(&project)])?;
    base::configure_packages(&root)?;

    let started = Instant::now();
    let result = inside::run(&root, &toolchain::find()?, &inside::script(options.setup_only, &options.test_arguments));
    output::line(format!("==> fresh: {} s", started.elapsed().as_secs()));
    if options.keep {
        output::line(format!("==> kept {}", root.display()));
    } else {
        remove(&root)?;
    }
    result
}

fn parse(arguments: &[String]) -> Result<Options, Failure> {
    let mut options = Options {
        setup_only: false,
        keep: false,
        anew: false,
        suite: "bookworm".to_owned(),
        test_arguments: Vec::new(),
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--setup-only" => options.setup_only = true,
            "--keep" => options.keep = true,
            "--anew" => options.anew = true,
            "--suite" => options.suite = arguments.next().ok_or(Failure::Usage(USAGE))?.clone(),
            "--" => options.test_arguments = arguments.by_ref().cloned().collect(),
            _ => return Err(Failure::Usage(USAGE)),
        }
    }
    Ok(options)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

pub(crate) fn create(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|source| Failure::Io { path: folder.to_owned(), source })
}

/// Removes a root. Nothing is mounted in it: mounts were made in a namespace that is gone. `--one-file-system` is for
/// the day on which that is wrong.
fn remove(root: &Path) -> Result<(), Failure> {
    shell::run(Path::new("/"), &["rm", "--recursive", "--force", "--one-file-system", &text(root)])
}
