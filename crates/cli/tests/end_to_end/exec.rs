//! Other programs in running instances: their streams, their terminal, their end.

use crate::support::manifest::{Service, app, small};
use crate::support::processes::{self, Role};
use crate::support::wait_for;
use crate::support::world::World;
use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};
use seaworthy_host::linux::procfs;
use seaworthy_host::process::{Signal, signal};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
/// Until 64 verbs have begun, on a machine that has other things to do.
const MANY: Duration = Duration::from_secs(120);

/// Gives a verb its standard input whole; its exit code, and what it wrote.
pub(crate) fn with_input(mut command: Command, input: &[u8]) -> (i32, Vec<u8>, String) {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary");
    let (mut stdin, input) = (child.stdin.take().expect("a pipe"), input.to_vec());
    let writing = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("an end");
    let _ = writing.join().expect("a thread");
    (output.status.code().unwrap_or(-1), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn exec(world: &World, words: &[&str]) -> Command {
    world.command(&[&["exec", "dev", "web", "--"], words].concat())
}

const WITH_SHELL: &str = "base = [\"python3-minimal\", \"dash\", \"coreutils\"]";

/// A service that has a shell.
fn with_shell() -> World {
    let web = Service::web("web", "v").env("GREETING", "hello").line("replicas = 2");
    let world = World::with(&app(&[web.line(WITH_SHELL)], &[]));
    world.up();
    world
}

/// A command that goes on for ever, and that nobody else on this machine runs, whatever else is tested here.
fn endless(world: &World) -> [String; 2] {
    ["sleep".to_owned(), format!("9{}.{}", world.port, std::process::id())]
}

/// Whether a process with exactly these words runs.
fn runs(words: &[String]) -> bool {
    let line = words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect::<Vec<u8>>();
    procfs::all().iter().any(|stat| std::fs::read(format!("/proc/{}/cmdline", stat.pid)).is_ok_and(|own| own == line))
}

#[test]
fn streams_carry_any_bytes_and_the_exit_code_is_the_programs() {
    let world = with_shell();
    let all_bytes: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    let (code, stdout, stderr) = with_input(exec(&world, &["cat"]), &all_bytes);
    assert_eq!((code, stdout == all_bytes, stderr.as_str()), (0, true, ""));
    let script = "echo \"$GREETING from $(pwd)\"; echo to stderr >&2; exit 42";
    let (code, stdout, stderr) = with_input(exec(&world, &["sh", "-c", script]), b"nobody reads this");
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (42, "hello from /app\n", "to stderr\n"));
    let (code, ..) = with_input(exec(&world, &["sh", "-c", "kill -TERM $$"]), b"");
    assert_eq!(code, 143);
    // What goes on in the background keeps nobody waiting.
    let (code, stdout, _) = with_input(exec(&world, &["sh", "-c", "sleep 4711 & echo done"]), b"");
    assert_eq!((code, stdout.as_slice()), (0, &b"done\n"[..]));
    // A shell is what comes without a program's name.
    let (code, stdout, _) = with_input(world.command(&["exec", "dev", "web"]), b"echo $((6 * 7)); exit 5\n");
    assert_eq!((code, stdout.as_slice()), (5, &b"42\n"[..]));
    let log = std::fs::read_to_string(world.home.join("node.log")).expect("a log");
    assert!(log.contains("runs `sh` in subject-dev-web-") && !log.contains("GREETING"), "{log}");
}

#[test]
fn an_instance_is_chosen_by_its_number() {
    let world = with_shell();
    let mut names = Vec::new();
    for number in ["0", "1"] {
        let words = ["exec", "dev", "web", "--instance", number, "--", "sh", "-c", "echo x >> /tmp/x; cat /tmp/x"];
        names.push(world.run(&words).expect(0).stdout);
    }
    assert_eq!(names, ["x\n", "x\n"], "each has a /tmp of its own");
    let ran = world.run(&["exec", "dev", "web", "--instance", "2", "--", "true"]).expect(2);
    ran.says("`web` has no instance 2").says("it has 0, 1");
    world.run(&["exec", "dev", "wep", "--", "true"]).expect(2).says("no service `wep`").says("it has `web`");
    world.run(&["exec", "qa", "web", "--", "true"]).expect(2).says("has no environment `qa`");
    world.run(&["exec", "prod", "web", "--", "true"]).expect(2).says("never deployed to `prod`");
    world.run(&["exec", "dev", "web", "--", "no-such-program"]).expect(2).says("no program `no-such-program`");
    world.run(&["exec", "dev", "web", "--", "/etc/passwd"]).expect(2).says("cannot be started");
}

#[test]
fn without_a_shell_the_message_says_what_to_do() {
    // Its image has its libraries and nothing else.
    let world = World::with(&small("v"));
    world.up();
    let ran = world.run(&["exec", "dev", "web"]).expect(2).says("there is no shell in the image of `web`");
    ran.says("seaworthy exec dev web -- PROGRAM").says("`dash`");
}

#[test]
fn who_ends_the_verb_ends_the_program() {
    let world = with_shell();
    let words = endless(&world);
    for how in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL] {
        let mut child = exec(&world, &words.each_ref().map(String::as_str))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary");
        wait_for("the program", SOON, || runs(&words).then_some(()));
        signal(child.id(), how).expect("permission");
        let status = child.wait().expect("an end");
        let expected = match how {
            Signal::SIGINT => Some(130),
            Signal::SIGTERM => Some(143),
            _ => None,
        };
        assert_eq!(status.code(), expected);
        wait_for("the program's end", SOON, || (!runs(&words)).then_some(()));
    }
    // A reader that has seen enough ends it, too.
    let mut child = exec(&world, &["sh", "-c", "while echo y; do :; done"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary");
    let mut some = [0; 10];
    child.stdout.take().expect("a pipe").read_exact(&mut some).expect("a word");
    assert_eq!(child.wait().expect("an end").code(), Some(141));
    assert_eq!(world.assert_settled(), "v");
}

#[test]
fn a_node_that_dies_ends_it_in_words_and_the_service_goes_on() {
    let world = with_shell();
    let before = world.program_pids();
    let words = endless(&world);
    let child = exec(&world, &words.each_ref().map(String::as_str))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    wait_for("the program", SOON, || runs(&words).then_some(()));
    processes::kill(world.pid(Role::Node));
    let output = child.wait_with_output().expect("an end");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("the program was ended with it; the service goes on"), "{stderr}");
    wait_for("the program's end", SOON, || (!runs(&words)).then_some(()));
    assert_eq!(world.program_pids(), before);
}

/// A verb in a terminal.
struct InTerminal {
    child: Child,
    screen: File,
    ours: OwnedFd,
    seen: String,
}

impl InTerminal {
    fn start(mut command: Command) -> Self {
        let size = Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        let OpenptyResult { master, slave } = openpty(&size, None).expect("a terminal");
        let end = || Stdio::from(slave.try_clone().expect("a descriptor"));
        let command = command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm-256color");
        let child = command.spawn().expect("the binary");
        Self { child, screen: File::from(master), ours: slave, seen: String::new() }
    }

    fn types(&mut self, text: &str) {
        self.screen.write_all(text.as_bytes()).expect("a terminal");
    }

    #[track_caller]
    fn until(&mut self, text: &str) {
        self.until_times(text, 1);
    }

    #[track_caller]
    fn until_times(&mut self, text: &str, times: usize) {
        let mut buffer = [0; 4096];
        while self.seen.matches(text).count() < times {
            let mut ready = [PollFd::new(self.screen.as_fd(), PollFlags::POLLIN)];
            let count = poll(&mut ready, 30_000_u16).expect("a terminal");
            assert!(count > 0, "it never said `{text}`: {}", self.seen);
            let count = self.screen.read(&mut buffer).expect("a terminal");
            self.seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    }

    /// Whether it edits lines and gives signals itself, as it did before.
    fn is_as_before(&self) -> bool {
        let flags = tcgetattr(&self.ours).expect("a terminal").local_flags;
        flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
    }

    fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the call reads a structure that lives longer than it.
        let done = unsafe { nix::libc::ioctl(self.screen.as_raw_fd(), nix::libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(done, 0);
        // The terminal is not the verb's controlling one here: the kernel does not tell it by itself.
        signal(self.child.id(), Signal::SIGWINCH).expect("permission");
    }

    fn code(&mut self) -> Option<i32> {
        let status = wait_for("the verb's end", SOON, || self.child.try_wait().expect("a child"));
        status.code()
    }
}

const STTY: &str = "import os, sys; print('size', *os.get_terminal_size(), os.environ['TERM'])";

#[test]
fn a_terminal_is_one_on_both_sides_and_comes_back_as_it_was() {
    let world = with_shell();
    let mut shell = InTerminal::start(world.command(&["exec", "dev", "web"]));
    assert!(shell.is_as_before());
    shell.types(&format!("python3 -c \"{STTY}\"\r"));
    shell.until("size 120 40 xterm-256color");
    assert!(!shell.is_as_before(), "what is typed goes to the shell as it is");
    shell.resize(50, 132);
    wait_for("the new size", SOON, || {
        shell.types(&format!("python3 -c \"{STTY}\"; echo then\r"));
        shell.until("\nthen");
        let found = shell.seen.contains("size 132 50");
        shell.seen.clear();
        found.then_some(())
    });
    // Ctrl-C is for the program in there, not for the verb.
    shell.types("cat\r");
    shell.types("asked\r");
    // What is typed, and what `cat` makes of it.
    shell.until_times("asked", 2);
    // What was typed ahead of it is thrown away by the terminal: the shell must have asked again.
    shell.seen.clear();
    shell.types("\u{3}");
    shell.until("$ ");
    shell.types("echo $((6 * 7)) is left\r");
    shell.until("42 is left");
    shell.types("exit 9\r");
    assert_eq!(shell.code(), Some(9));
    assert!(shell.is_as_before());
}

#[test]
fn a_terminal_comes_back_whatever_ends_the_verb() {
    let world = with_shell();
    for how in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let mut shell = InTerminal::start(world.command(&["exec", "dev", "web", "--", "sleep", "90212"]));
        wait_for("raw", SOON, || (!shell.is_as_before()).then_some(()));
        signal(shell.child.id(), how).expect("permission");
        assert_eq!(shell.code(), Some(128 + how as i32));
        assert!(shell.is_as_before(), "{how:?}");
    }
    let mut shell = InTerminal::start(world.command(&["exec", "dev", "web", "--", "sleep", "90213"]));
    wait_for("raw", SOON, || (!shell.is_as_before()).then_some(()));
    processes::kill(world.pid(Role::Node));
    assert_eq!(shell.code(), Some(1));
    assert!(shell.is_as_before());
    shell.until("the connection to the node was lost");
    // What ends at once never leaves a terminal behind either.
    let mut missing = InTerminal::start(world.command(&["exec", "dev", "web", "--", "no-such-program"]));
    assert_eq!(missing.code(), Some(2));
    assert!(missing.is_as_before());
}

#[test]
fn without_a_sandbox_a_program_runs_as_the_services_user_in_its_folder() {
    let world = World::with(&app(&[Service::web("web", "v")], &["isolation = \"none\""]));
    world.up();
    let (code, stdout, _) = with_input(exec(&world, &["sh", "-c", "id -u; ls"]), b"");
    let text = String::from_utf8_lossy(&stdout).into_owned();
    let pid = world.program_pids()[0];
    let user = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(format!("/proc/{pid}")).expect("a process"));
    assert_eq!((code, text), (0, format!("{user}\nsubject\n")));
}

#[test]
fn more_than_a_node_takes_are_refused() {
    let world = World::with(&app(&[Service::web("web", "one").line(WITH_SHELL)], &[]));
    world.up();
    let start = || exec(&world, &["sleep", "90214"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut children: Vec<Child> = (0..64).map(|_| start().expect("the binary")).collect();
    // Asking before all have begun would take the place of one of them.
    wait_for("all of them", MANY, || {
        let log = std::fs::read_to_string(world.home.join("node.log")).expect("a log");
        (log.matches("runs `sleep` in").count() == 64).then_some(())
    });
    world
        .run(&["exec", "dev", "web", "--", "true"])
        .expect(2)
        .says("64 programs have been started by `exec` here already");
    for child in &mut children {
        child.kill().expect("a child");
        child.wait().expect("an end");
    }
    wait_for("a place", MANY, || (world.run(&["exec", "dev", "web", "--", "true"]).code == 0).then_some(()));
}
