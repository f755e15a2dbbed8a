//! What becomes of checks that run against a server: what passes, what fails, and how that reads.

use crate::support::{Server, file, rendered, run, run_one};
use seaworthy_checks::{FailureKind, Outcome};

#[tokio::test]
async fn a_check_passes_when_everything_is_as_expected() {
    let server = Server::on_tcp();
    let text = "GET {{url}}/hi!\nX-Environment: {{environment}}\nAuthorization: Bearer hunter2\nHTTP 200\n\
        Content-Type: text/html\n[Asserts]\nbody contains \"right back at ya!\"\n\
        xpath \"string(//h1)\" startsWith \"hi!\"\n\nGET {{url}}/json\nHTTP 200\n[Asserts]\njsonpath \"$.paid\" == 3\n";
    let result = run_one(&server.connect, text).await;
    assert!(result.passed(), "{}", rendered(&result));
    assert_eq!(server.seen(), ["GET /hi! echo.localhost", "GET /json echo.localhost"]);
    let lines: Vec<_> = result.exchanges.iter().map(|exchange| (exchange.line, exchange.status)).collect();
    assert_eq!(lines, [(1, 200), (10, 200)]);
    let sent = &result.exchanges[0].headers;
    assert!(sent.contains(&("X-Environment".into(), "prod".into())), "{sent:?}");
    assert!(sent.contains(&("Authorization".into(), "***".into())), "{sent:?}");
}

#[tokio::test]
async fn a_wrong_status_is_shown_with_its_line_and_the_answer() {
    let server = Server::on_tcp();
    let result = run_one(&server.connect, "GET {{url}}/broken\nHTTP 200\n").await;
    assert_eq!((result.outcome, result.passed()), (Outcome::Failed, false));
    insta::assert_snapshot!(rendered(&result));
}

#[tokio::test]
async fn every_failed_assertion_is_shown_and_the_answer_once() {
    let server = Server::on_tcp();
    let text = "# the page\nGET {{url}}/hi!\nHTTP 200\nContent-Type: text/plain\n[Asserts]\n\
        body contains \"left forward\"\nheader \"ETag\" exists\nxpath \"string(//h1)\" contains \"hi!\"\n";
    let result = run_one(&server.connect, text).await;
    insta::assert_snapshot!(rendered(&result));
}

#[tokio::test]
async fn a_differing_body_is_shown_as_a_difference() {
    let server = Server::on_tcp();
    let text = "GET {{url}}/json\nHTTP 200\n```\n{\"paid\": 4,\n \"unpaid\": []}\n```\n";
    let result = run_one(&server.connect, text).await;
    insta::assert_snapshot!(rendered(&result));
}

#[tokio::test]
async fn nothing_after_the_first_failed_request_is_sent() {
    let server = Server::on_tcp();
    let result = run_one(&server.connect, "GET {{url}}/broken\nHTTP 200\n\nGET {{url}}/hi!\nHTTP 200\n").await;
    assert!(!result.passed());
    assert_eq!(server.seen(), ["GET /broken echo.localhost"]);
}

#[tokio::test]
async fn a_failure_that_a_retry_made_good_is_none() {
    let server = Server::on_tcp();
    let text = |page: &str| format!("GET {{{{url}}}}/{page}\n[Options]\nretry: 2\nretry-interval: 1ms\nHTTP 200\n");
    let flaky = run_one(&server.connect, &text("flaky")).await;
    assert!(flaky.passed(), "{}", rendered(&flaky));
    assert_eq!(flaky.exchanges.iter().map(|exchange| exchange.status).collect::<Vec<_>>(), [500, 500, 200]);
    let broken = run_one(&server.connect, &text("broken")).await;
    assert_eq!((broken.passed(), broken.exchanges.len(), broken.failures.len()), (false, 3, 1));
    assert_eq!(broken.failures[0].exchange, Some(2));
}

#[tokio::test]
async fn what_is_no_hurl_is_the_users_fault_and_sends_nothing() {
    let server = Server::on_tcp();
    let files = vec![
        file("checks/broken.hurl", "GET {{url}}/hi!\nHTTP 200\n[Assert]\nstatus == 200\n"),
        file("checks/empty.hurl", "# nothing yet\n"),
        file("checks/unknown.hurl", "GET {{url}}/{{user}}\nHTTP 200\n"),
        file("checks/escapes.hurl", "GET {{url}}\n[Options]\nunix-socket: /run/docker.sock\nHTTP 200\n"),
        file("checks/reads.hurl", "POST {{url}}\nfile,/etc/passwd;\nHTTP 200\n"),
    ];
    let results = run(&server.connect, files).await.unwrap();
    assert!(results.iter().all(|result| !result.passed()));
    let kinds: Vec<_> = results.iter().map(|result| result.failures[0].kind).collect();
    assert_eq!(kinds, [FailureKind::File; 5]);
    assert_eq!(server.seen(), Vec::<String>::new());
    insta::assert_snapshot!(results.iter().map(rendered).collect::<Vec<_>>().join("\n\n"));
}

#[tokio::test]
async fn a_large_answer_is_cut_and_a_huge_one_is_no_answer() {
    let server = Server::on_tcp();
    let large =
        run_one(&server.connect, "GET {{url}}/two-megabytes\nHTTP 200\n[Asserts]\nbytes count == 2097152\n").await;
    assert!(large.passed(), "{}", rendered(&large));
    assert_eq!((large.exchanges[0].body_bytes, large.exchanges[0].body.len()), (2 << 20, 1024 + "…".len()));
    let huge = run_one(&server.connect, "GET {{url}}/nine-megabytes\nHTTP 200\n").await;
    assert!(!huge.passed());
    assert_eq!(huge.failures[0].kind, FailureKind::Connection);
}

#[tokio::test]
async fn bytes_that_are_no_text_cannot_harm() {
    let server = Server::on_tcp();
    let result = run_one(&server.connect, "GET {{url}}/binary\nHTTP 404\n").await;
    assert_eq!(result.exchanges[0].body, "\u{fffd}\u{fffd}\u{fffd}\u{fffd}[31mred\u{fffd}");
    let shown = rendered(&result);
    assert!(!shown.contains('\x1b'), "{shown}");
    let exact =
        run_one(&server.connect, "GET {{url}}/binary\nHTTP 200\n[Asserts]\nbytes startsWith hex,fffe00;\n").await;
    assert!(exact.passed(), "{}", rendered(&exact));
}

#[tokio::test]
async fn many_files_are_answered_by_one_process_in_their_order() {
    let server = Server::on_tcp();
    let text = |number: usize| if number % 7 == 3 { "GET {{url}}/broken\nHTTP 200\n" } else { "GET {{url}}/hi!\n" };
    let files = (0..150).map(|number| file(&format!("{number}.hurl"), text(number))).collect();
    let results = run(&server.connect, files).await.unwrap();
    assert_eq!(results.len(), 150);
    for (number, result) in results.iter().enumerate() {
        assert_eq!((result.name.as_str(), result.passed()), (format!("{number}.hurl").as_str(), number % 7 != 3));
    }
}
