//! The lines on standard output.

use seaworthy_checks::wire::Answer;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Standard output, shared by the thread that runs the files and the one that watches the time.
pub(crate) struct Answers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    given: usize,
    finished: bool,
}

impl Answers {
    /// Nothing was answered yet.
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default() }
    }

    /// Answers for the next file; after the last line this does nothing.
    pub(crate) fn give(&self, answer: &Answer) -> std::io::Result<()> {
        let mut state = self.lock();
        if state.finished {
            return Ok(());
        }
        write_line(answer)?;
        state.given += 1;
        Ok(())
    }

    /// Writes the last line, once.
    pub(crate) fn last(&self, answer: Answer) -> std::io::Result<()> {
        self.finish(|_| vec![answer])
    }

    /// Writes the last lines, once, knowing how many files were answered. The lock is held over all of it, so that an
    /// answer that comes in the meantime is not mixed in.
    pub(crate) fn finish(&self, answers: impl FnOnce(usize) -> Vec<Answer>) -> std::io::Result<()> {
        let mut state = self.lock();
        if state.finished {
            return Ok(());
        }
        state.finished = true;
        answers(state.given).iter().try_for_each(write_line)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_line(answer: &Answer) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    let mut output = std::io::stdout().lock();
    output.write_all(&line)?;
    output.flush()
}
