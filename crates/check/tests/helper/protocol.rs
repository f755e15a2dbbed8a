//! The protocol itself, byte by byte: what goes in, what comes out, and how it exits.

use crate::support::{Server, file, runner};
use seaworthy_checks::Connect;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

struct Said {
    lines: Vec<Value>,
    stderr: String,
    code: Option<i32>,
}

#[expect(clippy::disallowed_methods, reason = "the helper is started with a hostile environment on purpose")]
fn say(input: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy-check"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(proxy, "http://127.0.0.1:1");
    }
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Said { lines, stderr: String::from_utf8(output.stderr).unwrap(), code: output.status.code() }
}

#[test]
fn inspecting_answers_each_file_and_a_summary() {
    let said = say(&json!({"version": 1, "operation": "inspect", "files": [
        {"name": "a.hurl", "text": "POST {{url}}/b\nHTTP 201\n\nGET {{url}}\nHTTP 200\n"},
        {"name": "b.hurl", "text": "FETCH\n"},
    ]})
    .to_string());
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let [a, b, summary] = said.lines.as_slice() else { panic!("{:?}", said.lines) };
    assert_eq!(*a, json!({"inspected": {"name": "a.hurl", "methods": ["GET", "POST"], "variables": ["url"]}}));
    let failure = &b["inspected"]["failures"][0];
    assert_eq!((&failure["kind"], &failure["from"]["line"]), (&json!("file"), &json!(1)));
    assert_eq!(*summary, json!({"summary": {"files": 2}}));
}

#[test]
fn nothing_but_answers_is_written_whatever_a_file_asks_for() {
    let server = Server::on_tcp();
    let Connect::Tcp(address) = &server.connect else { panic!() };
    let text = "GET http://a.example/broken\n[Options]\nvery-verbose: true\nHTTP 200\n";
    let file = json!({"name": "loud.hurl", "text": text, "connect": {"tcp": address}});
    let said = say(&json!({"version": 1, "operation": "run", "files": [file]}).to_string());
    assert_eq!((said.code, said.stderr.as_str(), said.lines.len()), (Some(0), "", 2));
    assert_eq!(said.lines[0]["ran"]["outcome"], "failed");
    assert_eq!(server.seen(), ["GET /broken a.example"], "the proxies of the environment are not used");
}

#[test]
fn what_it_cannot_do_is_an_error_and_exit_code_2() {
    for input in ["", "{}", "not json", r#"{"version":2,"operation":"inspect","files":[]}"#] {
        let said = say(input);
        assert_eq!((said.code, said.stderr.as_str(), said.lines.len()), (Some(2), "", 1), "{input}");
        assert!(said.lines[0]["error"]["message"].is_string(), "{:?}", said.lines);
    }
}

#[tokio::test]
async fn the_runner_speaks_it() {
    let files = vec![file("checks/a.hurl", "GET {{url}}/{{release}}\nHTTP 200\n"), file("checks/b.hurl", "GET\n")];
    let texts: Vec<_> = files.iter().map(|file| file.text.clone()).collect();
    let inspected = runner().inspect(files).await.unwrap();
    assert_eq!((inspected[0].methods.as_slice(), inspected[0].variables.len()), (["GET".to_owned()].as_slice(), 2));
    assert!(inspected[0].diagnostics(&texts[0]).is_empty());
    assert_eq!(inspected[1].diagnostics(&texts[1]).len(), 1);
}
