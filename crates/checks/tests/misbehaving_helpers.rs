//! Helpers that do not do what they should: none of that may look like a check that passed, or hang.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world has failed")]

use seaworthy_checks::{CheckFile, ChecksError, RunRequest, Runner};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn helper(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/helpers").join(format!("{name}.sh"))
}

fn files(names: &[&str]) -> Vec<CheckFile> {
    let text = "GET {{url}}\nHTTP 200\n".to_owned();
    names.iter().map(|&name| CheckFile { name: name.into(), text: text.clone(), ..CheckFile::default() }).collect()
}

async fn inspect(name: &str) -> Result<usize, ChecksError> {
    Runner::new(helper(name)).inspect(files(&["a.hurl"])).await.map(|answers| answers.len())
}

/// Waits until no process of this program is left; fails after a while.
fn assert_gone(program: &Path) {
    let program = program.to_string_lossy();
    let started = Instant::now();
    while running(&program) {
        assert!(started.elapsed() < Duration::from_secs(20), "`{program}` still runs");
        std::thread::yield_now();
    }
}

fn running(argument: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut command_lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    command_lines.any(|line| line.split(|byte| *byte == 0).any(|part| part == argument.as_bytes()))
}

#[tokio::test]
async fn one_that_hangs_is_killed() {
    // The deadline of a run is its own plus a grace of some seconds; only the kill ends this test in time.
    let run = RunRequest {
        files: files(&["a.hurl"]),
        connect: None,
        user: None,
        timeout: Duration::from_millis(1),
        total_timeout: Duration::from_millis(1),
    };
    let error = Runner::new(helper("hangs")).run(run).await.unwrap_err();
    assert!(matches!(error, ChecksError::Hung { .. }), "{error}");
    assert_gone(&helper("hangs"));
}

#[tokio::test]
async fn one_whose_caller_gave_up_is_killed() {
    let runner = Runner::new(helper("hangs"));
    let inspection = tokio::spawn(async move { runner.inspect(files(&["a.hurl"])).await.map(|_| ()) });
    while !running(&helper("hangs").to_string_lossy()) {
        tokio::task::yield_now().await;
    }
    inspection.abort();
    assert!(inspection.await.unwrap_err().is_cancelled());
    assert_gone(&helper("hangs"));
}

#[tokio::test]
async fn one_that_floods_is_killed() {
    let error = inspect("floods").await.unwrap_err();
    assert!(matches!(error, ChecksError::Flooded { .. }), "{error}");
    assert_gone(&helper("floods"));
}

#[tokio::test]
async fn one_that_chatters_on_standard_error_is_understood() {
    assert_eq!(inspect("chatters").await.unwrap(), 1);
}

#[tokio::test]
async fn one_that_dies_tells_its_last_words() {
    let error = inspect("dies").await.unwrap_err();
    assert!(matches!(error, ChecksError::Died { .. }), "{error}");
    let message = error.to_diagnostic().message;
    assert!(message.ends_with("ended early (exit status: 101): thread main panicked"), "{message}");
}

#[tokio::test]
async fn a_complete_answer_with_a_bad_exit_is_none() {
    let error = inspect("lies").await.unwrap_err();
    assert!(matches!(error, ChecksError::Died { .. }), "{error}");
}

#[tokio::test]
async fn a_file_without_an_answer_is_an_error() {
    let error = Runner::new(helper("forgets")).inspect(files(&["a.hurl", "b.hurl"])).await.unwrap_err();
    assert!(matches!(&error, ChecksError::Unanswered { name } if name == "b.hurl"), "{error}");
}

#[tokio::test]
async fn an_answer_for_another_file_is_an_error() {
    let error = inspect("confuses").await.unwrap_err();
    assert!(matches!(error, ChecksError::Garbled { .. }), "{error}");
}

#[tokio::test]
async fn what_is_not_understood_is_shown_harmlessly() {
    let error = inspect("mumbles").await.unwrap_err();
    assert!(matches!(error, ChecksError::Garbled { .. }), "{error}");
    assert!(error.to_string().contains(r"ready.\u{1b}[31m"), "{error}");
}

#[tokio::test]
async fn a_refusal_is_passed_on() {
    let error = inspect("refuses").await.unwrap_err();
    assert!(matches!(&error, ChecksError::Refused { message } if message.contains("version 9")), "{error}");
}

#[tokio::test]
async fn one_that_is_not_there_is_named() {
    let error = Runner::new("/nonexistent/seaworthy-check").inspect(files(&["a.hurl"])).await.unwrap_err();
    assert!(matches!(error, ChecksError::Start { .. }), "{error}");
    assert!(error.to_diagnostic().message.contains("/nonexistent/seaworthy-check"));
}

#[tokio::test]
async fn too_much_text_is_refused_before_anything_starts() {
    let mut large = files(&["a.hurl"]);
    large[0].text = "#".repeat(17 << 20);
    let error = Runner::new(helper("hangs")).inspect(large).await.unwrap_err();
    assert!(matches!(error, ChecksError::TooLarge { .. }), "{error}");
}
