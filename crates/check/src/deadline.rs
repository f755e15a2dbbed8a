//! The time that a whole run may take.

use crate::answers::Answers;
use crate::failure;
use seaworthy_checks::wire::{Answer, CheckFile, FailureKind, Outcome, Ran, Request};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Starts to watch the time. When it is over, the files that are left are answered as timed out and the process ends:
/// a request that hangs inside a C library cannot be interrupted in any other way.
pub(crate) fn watch(request: Arc<Request>, answers: Arc<Answers>) {
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(request.total_timeout_ms));
        let written = answers.finish(|given| last_answers(&request, given));
        std::process::exit(if written.is_ok() { 0 } else { 2 });
    });
}

fn last_answers(request: &Request, given: usize) -> Vec<Answer> {
    let total_ms = request.total_timeout_ms;
    let left = request.files.iter().skip(given).enumerate();
    let mut answers: Vec<_> = left.map(|(index, file)| Answer::Ran(timed_out(file, index == 0, total_ms))).collect();
    answers.push(Answer::Summary { files: request.files.len() });
    answers
}

fn timed_out(file: &CheckFile, begun: bool, total_ms: u64) -> Ran {
    let message = if begun {
        format!("not finished when the {total_ms} ms for all checks were over")
    } else {
        format!("not begun when the {total_ms} ms for all checks were over")
    };
    let failure = failure::blank(FailureKind::Timeout, message);
    let name = file.name.clone();
    Ran { name, outcome: Outcome::TimedOut, duration_ms: 0, exchanges: Vec::new(), failures: vec![failure] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_checks::wire::Operation;

    #[test]
    fn what_is_left_is_answered_and_nothing_twice() {
        let file = |name: &str| CheckFile { name: name.into(), ..CheckFile::default() };
        let files = vec![file("a"), file("b"), file("c")];
        let request = Request { version: 1, operation: Operation::Run, files, timeout_ms: 1, total_timeout_ms: 7 };
        let answers = last_answers(&request, 1);
        let [Answer::Ran(b), Answer::Ran(c), Answer::Summary { files: 3 }] = answers.as_slice() else {
            panic!("{answers:?}")
        };
        assert_eq!((b.name.as_str(), b.failures[0].message.split(' ').nth(1)), ("b", Some("finished")));
        assert_eq!((c.name.as_str(), c.failures[0].message.split(' ').nth(1)), ("c", Some("begun")));
    }
}
