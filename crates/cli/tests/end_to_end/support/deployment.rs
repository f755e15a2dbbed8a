//! A deployment that is watched while it goes on.

use super::world::World;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A verb that deploys, with the events that it prints.
pub(crate) struct Watched {
    child: Child,
    events: Receiver<Value>,
    /// What was seen, in order.
    pub(crate) seen: Vec<Value>,
}

impl World {
    /// Starts `seaworthy up --json` with these words.
    pub(crate) fn begin(&self, words: &[&str]) -> Watched {
        let mut command = self.command(&[&["up", "--json"], words].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if let Ok(event) = serde_json::from_str(&line)
                    && sender.send(event).is_err()
                {
                    return;
                }
            }
        });
        Watched { child, events, seen: Vec::new() }
    }
}

impl Watched {
    /// Waits until a step of this kind begins; false if the deployment ends without.
    pub(crate) fn until_step(&mut self, kind: &str) -> bool {
        self.until(|event| event["event"] == "begun" && event["step"] == kind)
    }

    /// Waits for an event; false if the verb ends without.
    pub(crate) fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Ok(event) = self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            let found = is_it(&event["event"]);
            self.seen.push(event);
            if found {
                return true;
            }
        }
        false
    }

    /// Waits for the verb's end: its exit code and what it said.
    pub(crate) fn finish(mut self) -> (i32, String) {
        while self.until(|_| false) {}
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().expect("a pipe");
        pipe.read_to_string(&mut stderr).expect("text");
        (self.child.wait().expect("a child").code().unwrap_or(-1), stderr)
    }

    /// The kinds of the steps that began, in order, each once.
    pub(crate) fn steps(&self) -> Vec<String> {
        let mut steps: Vec<String> = Vec::new();
        for event in self.seen.iter().map(|event| &event["event"]).filter(|event| event["event"] == "begun") {
            let kind = event["step"].as_str().unwrap_or_default().to_owned();
            if !steps.contains(&kind) {
                steps.push(kind);
            }
        }
        steps
    }

    /// Ends the verb as Ctrl-C twice would; what it started goes on.
    pub(crate) fn abandon(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
