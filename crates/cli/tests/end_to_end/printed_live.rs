//! What verbs print that go on until somebody ends them.

use crate::printed::Terminal;
use crate::support::manifest::{Service, app, small};
use crate::support::wait_for;
use crate::support::world::{Ran, World};
use seaworthy_host::process::{Signal, signal};
use std::io::Read;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A busy machine has its own time; nobody waits for longer than it takes.
const SOON: Duration = Duration::from_secs(180);

/// A verb that somebody watches.
pub(crate) struct Live {
    words: Vec<String>,
    pub(crate) child: Child,
    pub(crate) stdout: Seen,
    pub(crate) stderr: Seen,
}

/// What came over a pipe so far.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<String>>);

impl Seen {
    fn follow(mut pipe: impl Read + Send + 'static) -> Self {
        let (seen, writer) = {
            let seen = Self::default();
            (seen.clone(), seen)
        };
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                writer.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            }
        });
        seen
    }

    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn until(&self, part: &str) {
        wait_for(part, SOON, || self.text().contains(part).then_some(()));
    }
}

impl Live {
    pub(crate) fn begin(world: &World, words: &[&str]) -> Self {
        let mut child = world.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary");
        let stdout = Seen::follow(child.stdout.take().expect("a pipe"));
        let stderr = Seen::follow(child.stderr.take().expect("a pipe"));
        Self { words: words.iter().map(|word| (*word).to_owned()).collect(), child, stdout, stderr }
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(self) -> Ran {
        self.end_by(Signal::SIGINT)
    }

    pub(crate) fn end_by(self, how: Signal) -> Ran {
        assert!(signal(self.child.id(), how).expect("permission"));
        self.ended()
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> Ran {
        let status = wait_for("the verb's end", SOON, || self.child.try_wait().expect("a child"));
        let code = status.code().unwrap_or(-1);
        Ran { words: self.words.join(" "), code, stdout: self.stdout.text(), stderr: self.stderr.text() }
    }
}

#[test]
fn ctrl_c_leaves_the_deployment_running_and_says_how_to_follow_or_stop_it() {
    let slow = Service::web("web", "slow").env("START_DELAY_MS", "60000").line("start_timeout = \"90s\"");
    let mut terminal = Terminal::new(World::with(&app(&[slow], &[])));
    for words in [&["up"][..], &["status", "dev", "--follow"]] {
        let live = Live::begin(&terminal.world, words);
        live.stderr.until("wait until `web` is healthy");
        let ran = live.interrupt();
        terminal.saw(words, &ran);
    }
    terminal.types(&["rollback", "dev", "--json"]);
    terminal.world.outcome();
    terminal.types(&["status", "dev", "--follow"]).types(&["status", "dev"]).assert("ctrl_c");
}

#[test]
fn dev_shows_what_changed_what_came_of_it_and_the_logs() {
    let mut terminal = Terminal::new(World::with(&small("one")));
    let live = Live::begin(&terminal.world, &["dev"]);
    live.stderr.until("http://dev.web.localhost");
    terminal.world.write_manifest("app = ");
    live.stderr.until("save a file to try again");
    terminal.world.write_manifest(&small("two"));
    live.stdout.until("subject two listens");
    wait_for("the new release", SOON, || (terminal.world.text("/version") == "two").then_some(()));
    // What the node knows by now the verb may yet have to say.
    wait_for("the end of the deployment", SOON, || {
        let text = live.stderr.text();
        let (_, last) = text.split_once("revision 2 carries all traffic")?;
        last.contains("baking").then_some(())
    });
    let mut ran = live.interrupt();
    // Lines of two instances come in any order.
    assert!(ran.stdout.contains(" | subject two listens on "), "{}", ran.stdout);
    ran.stdout.clear();
    terminal.saw(&["dev"], &ran).assert("dev");
}

#[test]
fn dev_ends_when_it_is_told_to_and_with_its_terminal() {
    let world = World::with(&small("one"));
    for how in [Signal::SIGTERM, Signal::SIGHUP] {
        let live = Live::begin(&world, &["dev"]);
        live.stderr.until("http://dev.web.localhost");
        live.end_by(how).expect(0).says("dev goes on running");
    }
}

#[test]
fn dev_for_programs() {
    let world = World::with(&small("one"));
    let live = Live::begin(&world, &["dev", "--json"]);
    live.stdout.until("\"routes\"");
    world.write_manifest(&small("two"));
    live.stdout.until("subject two listens");
    wait_for("the new release", SOON, || (world.text("/version") == "two").then_some(()));
    let ran = live.interrupt();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for line in ran.stdout.lines() {
        let value: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(value.is_ok(), "no JSON: {line}");
    }
}
