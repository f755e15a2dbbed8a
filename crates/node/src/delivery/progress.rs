//! Telling whoever waits how far a run is: its state, and its log as it grows.

use super::check::log_path;
use crate::Node;
use seaworthy_api::wire::RunProgress;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::run::RunState;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How much is read at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Where a line is cut.
const LINE_BYTES_MAX: usize = 4096;
/// What the node itself writes into a log begins with this.
const OWN: &str = "--- ";

impl Node {
    /// Sends what happens in a run to its end; of its log, what comes after `after` bytes.
    pub(crate) async fn follow_run(self: Arc<Self>, id: u64, mut after: u64, sender: mpsc::Sender<RunProgress>) {
        let mut told: Option<(RunState, u32, Option<Name>)> = None;
        let mut looked = false;
        loop {
            // First how it stands, then its log: what was written before its end is not missed.
            let Ok(Some(run)) = self.store.run(id) else { return };
            let run = self.shown_run(run);
            if run.state == RunState::Queued && !std::mem::replace(&mut looked, true) {
                // Mostly its turn comes at once.
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            let is_done = run.state == RunState::Done;
            let path = log_path(&self, &run);
            if run.state == RunState::Checking || is_done {
                loop {
                    let Piece { lines, end, more } = read(&path, after, is_done);
                    after = end;
                    for line in lines {
                        let progress = RunProgress { after, line: Some(line), run: None };
                        if sender.send(progress).await.is_err() {
                            return;
                        }
                    }
                    if !more {
                        break;
                    }
                }
            }
            let now = Some((run.state, run.attempts, run.waits_for.clone()));
            if told != now && sender.send(RunProgress { after, line: None, run: Some(run) }).await.is_err() {
                return;
            }
            told = now;
            if is_done || sender.is_closed() {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whether there is such a run.
    pub(crate) fn check_run(&self, id: u64) -> Result<(), Diagnostic> {
        let help = "`seaworthy runs` lists those that are remembered";
        let unknown = || Diagnostic::user(format!("there is no run {id}")).help(help);
        self.store.run(id)?.map(drop).ok_or_else(unknown)
    }
}

/// Whole lines of a log.
struct Piece {
    lines: Vec<String>,
    /// Where the next one begins.
    end: u64,
    /// There is more to read now.
    more: bool,
}

/// Reads on. A log that is shorter than what was read of it was begun again.
fn read(path: &Path, after: u64, is_done: bool) -> Piece {
    let nothing = |end| Piece { lines: Vec::new(), end, more: false };
    let Ok(mut file) = File::open(path) else { return nothing(after) };
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let from = if after > size { 0 } else { after };
    let mut bytes = Vec::new();
    let sought = file.seek(SeekFrom::Start(from));
    if sought.and_then(|_| file.take(PIECE_BYTES as u64).read_to_end(&mut bytes)).is_err() {
        return nothing(after);
    }
    let full = bytes.len() == PIECE_BYTES;
    let whole = match bytes.iter().rposition(|byte| *byte == b'\n') {
        // A line without an end is one when nothing can follow, or when it is endless.
        _ if is_done && !full => bytes.len(),
        Some(last) => last + 1,
        None if full => bytes.len(),
        None => 0,
    };
    let text = String::from_utf8_lossy(&bytes[..whole]);
    let lines = text.lines().filter(|line| !line.starts_with(OWN)).map(clean).collect();
    Piece { lines, end: from + whole as u64, more: full }
}

/// Without what a terminal would obey.
fn clean(line: &str) -> String {
    let kept: String = line.chars().filter(|c| !c.is_control() || *c == '\t').collect();
    match kept.char_indices().find(|(at, _)| *at >= LINE_BYTES_MAX) {
        Some((at, _)) => kept[..at].to_owned(),
        None => kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_line_by_line_as_it_grows_and_from_its_beginning_when_it_was_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.log");
        let write = |text: &str| seaworthy_host::files::write_atomic(&path, text.as_bytes(), 0o600).unwrap();
        assert_eq!(read(&path, 7, true).end, 7);
        write("--- of the node\none\ntw");
        let first = read(&path, 0, false);
        assert_eq!((first.lines, first.end), (vec!["one".to_owned()], 20));
        write("--- of the node\none\ntwo\u{1b}[2J\nthree");
        let second = read(&path, 20, false);
        assert_eq!(second.lines, ["two[2J"]);
        assert_eq!(read(&path, second.end, true).lines, ["three"]);
        write("again\n");
        assert_eq!(read(&path, second.end, false).lines, ["again"]);
        write(&"x".repeat(PIECE_BYTES + 10));
        let long = read(&path, 0, false);
        assert_eq!((long.lines[0].len(), long.more), (LINE_BYTES_MAX, true));
    }
}
