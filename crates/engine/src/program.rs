//! Finding a program, and finding out before it is started why it could not be.

use crate::elf;
use crate::libraries;
use crate::place::{Place, Seen};
use nix::unistd::AccessFlags;
use seaworthy_diagnostics::Diagnostic;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Where programs are looked up, whatever the node's own `PATH` is.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How much of a file is read to find out what it is: a loader's name may stand after many program headers.
const HEAD_BYTES: u64 = 64 * 1024;

/// How many of the service's own files are looked at before it starts.
const FILES_MAX: usize = 20_000;

/// Who is to run it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Runner {
    /// The user and group id; `None`: this process's own.
    pub(crate) user: Option<u32>,
}

/// The file that `name` means for a program that starts in the place's folder: below that when it contains a `/`, else
/// from [`PATH`].
///
/// # Errors
/// A diagnostic with the file's name and the fix, when it, its interpreter or its loader is missing or may not be read
/// and executed by that user.
pub(crate) fn find(name: &str, place: Place<'_>, runner: Runner) -> Result<PathBuf, Diagnostic> {
    has_start(place)?;
    let path = if name.contains('/') { place.app().join(name) } else { search(name, place)? };
    let shown = if name.contains('/') { name.to_owned() } else { path.display().to_string() };
    let seen = place.find(&path).map_err(|error| missing(&shown, place, &error))?;
    if !seen.metadata.is_file() {
        return Err(Diagnostic::user(format!("`{shown}` is not a file")).help("name a program in `run`"));
    }
    if let Ok(folder) = place.find(&place.app().join(".")) {
        runner.can_reach(place, &place.app().join("."), &folder, "its folder")?;
    }
    runner.can_reach(place, &path, &seen, &format!("`{shown}`"))?;
    runner.can_execute(&seen, &shown)?;
    check_content(&seen, &shown, place, runner)?;
    if let Place::Image(_) = place {
        // Where the libraries of others' images are, their own loaders know.
        if !place.is_foreign() {
            check_libraries(&path, &seen, &shown, place)?;
        }
        check_files(place, runner)?;
    }
    Ok(path)
}

/// A program cannot start in a folder that is not there. That of our own images is made where it is missing.
fn has_start(place: Place<'_>) -> Result<(), Diagnostic> {
    let start = place.app();
    if !place.is_foreign() || place.find(start).is_ok_and(|seen| seen.metadata.is_dir()) {
        return Ok(());
    }
    let message = format!("the image's working folder `{}` is not in it", start.display());
    Err(Diagnostic::user(message).help("make it where the image is built"))
}

/// The loader would say it, too, but not where to get them.
fn check_libraries(path: &Path, seen: &Seen, shown: &str, place: Place<'_>) -> Result<(), Diagnostic> {
    let missing = libraries::missing(path, &seen.outside, place);
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("`{shown}` needs {}, not in the image", listed(&missing));
    Err(Diagnostic::user(message).help(
        "`base = [...]` puts the Debian packages that have them into the image (`dpkg -S` on a machine that has them \
         names the packages), or build it statically",
    ))
}

/// Nothing of the service's own files may be out of its user's reach: programs find that out when it is too late.
fn check_files(place: Place<'_>, runner: Runner) -> Result<(), Diagnostic> {
    let wanted = |metadata: &Metadata| if metadata.is_dir() { 5 } else { 4 };
    let unreadable = place
        .first(FILES_MAX, &|path, metadata| !metadata.is_symlink() && !runner.may(path, metadata, wanted(metadata)));
    let Some((path, mode)) = unreadable else { return Ok(()) };
    let message = format!("{} may not read `{}` of the image (mode {mode:o})", runner.name(), path.display());
    Err(Diagnostic::user(message).help("`chmod o+rX` it where it is built"))
}

fn search(name: &str, place: Place<'_>) -> Result<PathBuf, Diagnostic> {
    let mut candidates = place.search().split(':').map(|folder| Path::new(folder).join(name));
    if let Some(found) = candidates.find(|path| place.has_file(path)) {
        return Ok(found);
    }
    let diagnostic = Diagnostic::user(match place {
        Place::Machine(_) => format!("there is no program `{name}` in {PATH}"),
        Place::Image(inside) => format!("there is no program `{name}` in the image, in {}", inside.search),
    });
    if place.has_file(&place.app().join(name)) {
        return Err(diagnostic.help(format!("it is among the service's `files`: write `./{name}`")));
    }
    if name == "python" && PATH.split(':').any(|folder| place.has_file(&Path::new(folder).join("python3"))) {
        return Err(diagnostic.help("Debian calls it `python3`: write that in `run`"));
    }
    let machine = format!("install `{name}` on this machine, or put it into `files` and write `./{name}`");
    Err(diagnostic.help(place.help_for_missing(machine, name)))
}

fn missing(shown: &str, place: Place<'_>, error: &io::Error) -> Diagnostic {
    let there = place.names(place.app());
    let diagnostic = Diagnostic::user(format!("`{shown}` cannot be started: {error}"));
    diagnostic.help(format!("the image holds {}: see `files` and `run`", listed(&there)))
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Runner {
    fn name(self) -> String {
        self.user.map_or_else(|| "this user".to_owned(), |user| format!("the service's user ({user})"))
    }

    /// Whether it may do all of `wanted` (bits of 7) with a file.
    fn may(self, path: &Path, metadata: &Metadata, wanted: u32) -> bool {
        let Some(user) = self.user else {
            let flags = AccessFlags::from_bits_truncate(i32::try_from(wanted).unwrap_or(0));
            return nix::unistd::access(path, flags).is_ok();
        };
        let shift = match (metadata.uid() == user, metadata.gid() == user) {
            (true, _) => 6,
            (_, true) => 3,
            _ => 0,
        };
        metadata.mode() >> shift & wanted == wanted
    }

    /// Every folder on the way must let it pass.
    fn can_reach(self, place: Place<'_>, path: &Path, seen: &Seen, shown: &str) -> Result<(), Diagnostic> {
        let own = seen.metadata.is_dir().then(|| (path.to_owned(), seen.metadata.clone()));
        for (folder, metadata) in own.iter().chain(&seen.way) {
            if self.may(folder, metadata, 1) {
                continue;
            }
            let folder = folder.display();
            let message = format!("{} cannot reach {shown}: `{folder}` lets nobody pass", self.name());
            return Err(match place {
                Place::Machine(_) => Diagnostic::machine(message)
                    .help(format!("`chmod o+x {folder}`, or set SEAWORTHY_HOME to a folder that everybody may pass")),
                Place::Image(_) => Diagnostic::user(message).help("`chmod o+rx` it where the image is built"),
            });
        }
        Ok(())
    }

    fn can_execute(self, seen: &Seen, shown: &str) -> Result<(), Diagnostic> {
        if self.may(&seen.outside, &seen.metadata, 1) {
            return Ok(());
        }
        let mode = seen.metadata.mode() & 0o777;
        let message = format!("{} may not execute `{shown}` (mode {mode:o})", self.name());
        Err(Diagnostic::user(message).help(format!(
            "`chmod +x` it where it is built, or name its interpreter in `run`: [\"python3\", \"{shown}\"]"
        )))
    }
}

/// What the file needs to run: an interpreter, or a loader and the right kind of machine.
fn check_content(seen: &Seen, shown: &str, place: Place<'_>, runner: Runner) -> Result<(), Diagnostic> {
    let mut head = Vec::new();
    if File::open(&seen.outside).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head)).is_err() {
        return Ok(()); // executable, and not readable even for us: the kernel will know
    }
    if let Some(line) = head.strip_prefix(b"#!") {
        if !runner.may(&seen.outside, &seen.metadata, 4) {
            return Err(Diagnostic::user(format!("{} may not read the script `{shown}`", runner.name()))
                .help("`chmod +r` it where it is built"));
        }
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        return check_interpreter(&String::from_utf8_lossy(line), shown, place);
    }
    let Some(found) = elf::parse(&head) else {
        if cfg!(target_os = "linux") {
            return Err(Diagnostic::user(format!(
                "`{shown}` is neither a program for this machine nor a script with `#!`"
            ))
            .help(format!(
                "begin it with a line such as `#!/bin/sh`, or name its interpreter in `run`: [\"sh\", \"{shown}\"]"
            )));
        }
        return Ok(());
    };
    if let Some(here) = elf::this_machine().filter(|here| *here != found.machine) {
        let (its, ours) = (elf::machine_name(found.machine), elf::machine_name(here));
        return Err(Diagnostic::user(format!("`{shown}` is a program for {its}, this machine is {ours}"))
            .help(format!("build it for {ours}")));
    }
    match found.loader.filter(|loader| !place.has_file(Path::new(loader))) {
        None => Ok(()),
        Some(loader) => {
            let message = format!("`{shown}` needs the loader `{loader}`, which is not {}", place.shown());
            let machine = "install the C library that it was built with, or build it statically".to_owned();
            Err(place.blame(message).help(place.help_for_missing(machine, "libc6")))
        }
    }
}

/// `line` is what follows `#!`.
fn check_interpreter(line: &str, shown: &str, place: Place<'_>) -> Result<(), Diagnostic> {
    let mut words = line.split_ascii_whitespace();
    let interpreter = words.next().unwrap_or_default();
    if line.ends_with('\r') {
        return Err(Diagnostic::user(format!(
            "`{shown}` has Windows line ends: its first line asks for `{interpreter}\\r`"
        ))
        .help("save it with Unix line ends (`git config core.autocrlf input`)"));
    }
    if !place.has_file(&place.app().join(interpreter)) {
        let message = format!("`{shown}` needs the interpreter `{interpreter}`, which is not {}", place.shown());
        let machine = format!("install it, or change the first line of `{shown}`");
        let package = interpreter.rsplit('/').next().unwrap_or(interpreter);
        return Err(place.blame(message).help(place.help_for_missing(machine, package)));
    }
    let program = words.find(|word| !word.starts_with('-') && !word.contains('='));
    match program.filter(|_| interpreter.ends_with("/env")) {
        None => Ok(()),
        Some(program) => search(program, place).map(drop),
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use seaworthy_host::files;

    const SELF: Runner = Runner { user: None };
    const STRANGER: Runner = Runner { user: Some(0x3000_0001) };

    fn app(name: &str, content: &[u8], mode: u32) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        files::set_mode(directory.path(), 0o755).unwrap();
        files::write_atomic(&directory.path().join(name), content, mode).unwrap();
        directory
    }

    fn refusal(content: &[u8], mode: u32, runner: Runner) -> Diagnostic {
        let app = app("run", content, mode);
        find("./run", Place::Machine(app.path()), runner).unwrap_err()
    }

    #[test]
    fn a_name_is_looked_up_in_the_fixed_path_and_a_path_in_the_files() {
        let app = app("run", b"#!/bin/sh\n", 0o755);
        assert!(find("sh", Place::Machine(app.path()), STRANGER).unwrap().ends_with("sh"));
        assert_eq!(find("./run", Place::Machine(app.path()), STRANGER).unwrap(), app.path().join("./run"));
        let error = find("run", Place::Machine(app.path()), SELF).unwrap_err();
        assert!(error.help.unwrap().contains("write `./run`"));
        let error = find("no-such-program", Place::Machine(app.path()), SELF).unwrap_err();
        assert!(error.help.unwrap().starts_with("install `no-such-program`"));
        let error = find("./gone", Place::Machine(app.path()), SELF).unwrap_err();
        assert!(error.help.unwrap().contains("holds `run`"));
    }

    #[test]
    fn what_its_user_cannot_run_is_refused_with_the_file_and_the_fix() {
        let error = refusal(b"#!/bin/sh\n", 0o700, STRANGER);
        assert!(error.message.contains("may not execute `./run` (mode 700)"), "{error}");
        let error = refusal(b"#!/bin/sh\n", 0o711, STRANGER);
        assert!(error.message.contains("may not read the script `./run`"), "{error}");
        let error = refusal(b"#!/bin/sh\n", 0o644, SELF);
        assert!(error.help.unwrap().contains("chmod +x"));
        let app = app("run", b"#!/bin/sh\n", 0o755);
        files::set_mode(app.path(), 0o700).unwrap();
        let error = find("./run", Place::Machine(app.path()), STRANGER).unwrap_err();
        assert!(error.help.unwrap().contains("chmod o+x"));
    }

    #[test]
    fn what_this_machine_cannot_run_is_refused_with_the_reason() {
        assert!(refusal(b"#!/no/such/python\n", 0o755, SELF).message.contains("interpreter `/no/such/python`"));
        assert!(refusal(b"#!/usr/bin/env no-such\n", 0o755, SELF).message.contains("no program `no-such`"));
        assert!(refusal(b"#!/bin/sh\r\necho\r\n", 0o755, SELF).message.contains("Windows line ends"));
        assert!(refusal(b"echo hello\n", 0o755, SELF).message.contains("neither a program"));
        let mut other = std::fs::read("/bin/sh").unwrap();
        other[18] = if elf::this_machine() == Some(183) { 62 } else { 183 };
        assert!(refusal(&other, 0o755, SELF).message.contains("is a program for"));
        let mut musl = std::fs::read("/bin/sh").unwrap();
        let at = musl.windows(9).position(|window| window == b"/ld-linux").unwrap();
        musl[at + 1] = b'X';
        assert!(refusal(&musl, 0o755, SELF).message.contains("needs the loader"));
    }

    #[test]
    fn an_image_of_others_says_where_programs_start_and_are_looked_up() {
        use crate::layers::Layers;
        use crate::place::Inside;
        let directory = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str, mode: u32| {
            let path = directory.path().join(path);
            files::create_directory(path.parent().unwrap(), 0o755).unwrap();
            files::write_atomic(&path, text.as_bytes(), mode).unwrap();
        };
        put("opt/bin/tool", "#!/opt/bin/sh\n", 0o755);
        put("opt/bin/sh", "", 0o755);
        put("srv/key", "", 0o600);
        let layers = [directory.path().to_owned()];
        let from = |start: &str, name: &str| {
            let place = Inside { layers: Layers(&layers), start: Path::new(start), search: "/opt/bin", is_ours: false };
            find(name, Place::Image(place), STRANGER)
        };
        assert_eq!(from("/", "tool").unwrap(), Path::new("/opt/bin/tool"));
        assert_eq!(from("/opt", "bin/tool").unwrap(), Path::new("/opt/bin/tool"));
        let error = from("/srv", "tool").unwrap_err();
        assert!(error.message.contains("may not read `/srv/key` of the image (mode 600)"), "{error}");
        assert!(from("/none", "tool").unwrap_err().message.contains("working folder `/none` is not in it"));
        let error = from("/", "python3").unwrap_err();
        assert!(error.message.contains("in /opt/bin") && !error.help.unwrap().contains("base"), "{}", error.message);
    }
}
