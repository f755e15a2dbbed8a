//! Where connections go, how long they may take, and as whom they are made.

use crate::support::{Server, file, rendered, request, run_one, runner};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use seaworthy_checks::{Connect, FailureKind, Outcome, RunRequest};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const FOLLOWING: &str = "GET {{url}}/away\n[Options]\nlocation: true\nHTTP 200\n[Asserts]\nbody == \"landed\"\n";

#[tokio::test]
async fn a_unix_socket_gets_everything_and_the_host_stays_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on_unix(&folder.path().join("pinned.sock"));
    let text = "GET {{url}}/hi!\nHTTP 200\n\nGET http://other.example:99/hi!\nHTTP 200\n";
    let result = run_one(&server.connect, text).await;
    assert!(result.passed(), "{}", rendered(&result));
    assert_eq!(server.seen(), ["GET /hi! echo.localhost", "GET /hi! other.example:99"]);
}

#[tokio::test]
async fn a_tcp_address_gets_everything_and_the_host_stays_as_written() {
    let server = Server::on_tcp();
    let text = "GET {{url}}/hi!\nHTTP 200\n\nGET http://other.example:99/hi!\nHTTP 200\n\n\
        GET http://192.0.2.1/hi!\nHTTP 200\n\nGET http://[2001:db8::1]/hi!\nHTTP 200\n";
    let result = run_one(&server.connect, text).await;
    assert!(result.passed(), "{}", rendered(&result));
    let hosts = ["echo.localhost", "other.example:99", "192.0.2.1", "[2001:db8::1]"];
    assert_eq!(server.seen(), hosts.map(|host| format!("GET /hi! {host}")));
}

#[tokio::test]
async fn a_redirect_to_elsewhere_stays_inside() {
    let folder = tempfile::tempdir().unwrap();
    for server in [Server::on_tcp(), Server::on_unix(&folder.path().join("pinned.sock"))] {
        let result = run_one(&server.connect, FOLLOWING).await;
        assert!(result.passed(), "{}", rendered(&result));
        assert_eq!(server.seen(), ["GET /away echo.localhost", "GET /landed elsewhere.example:8181"]);
        assert_eq!(result.exchanges.len(), 2);
    }
}

#[tokio::test]
async fn redirects_are_not_followed_unasked() {
    let server = Server::on_tcp();
    let result = run_one(&server.connect, "GET {{url}}/away\nHTTP 302\n").await;
    assert!(result.passed(), "{}", rendered(&result));
    assert_eq!(server.seen(), ["GET /away echo.localhost"]);
}

#[tokio::test]
async fn a_refused_connection_is_a_failure_that_may_pass() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let result = run_one(&Connect::Tcp(closed.to_string()), "GET {{url}}/hi!\nHTTP 200\n").await;
    assert_eq!((result.outcome, result.failures[0].kind), (Outcome::Failed, FailureKind::Connection));
    assert_eq!(result.failures[0].request.as_deref(), Some("GET http://echo.localhost/hi!"));
    let diagnostic = result.diagnostics().remove(0);
    assert_eq!(diagnostic.retry, seaworthy_diagnostics::Retry::Later);
    assert_eq!(diagnostic.message, "check `checks/a.hurl`: no complete answer");
}

#[tokio::test]
async fn a_server_that_hangs_costs_one_request_its_timeout() {
    let server = Server::on_tcp();
    let files = vec![file("hang.hurl", "GET {{url}}/hang\nHTTP 200\n"), file("hi.hurl", "GET {{url}}/hi!\nHTTP 200\n")];
    let run = RunRequest { timeout: Duration::from_millis(200), ..request(&server.connect, files) };
    let results = runner().run(run).await.unwrap();
    assert_eq!((results[0].outcome, results[0].failures[0].kind), (Outcome::Failed, FailureKind::Timeout));
    assert!(results[1].passed());
}

#[tokio::test]
async fn what_is_left_when_the_time_is_over_has_timed_out() {
    let server = Server::on_tcp();
    let files = vec![
        file("hi.hurl", "GET {{url}}/hi!\nHTTP 200\n"),
        file("retries.hurl", "GET {{url}}/broken\n[Options]\nretry: -1\nretry-interval: 1ms\nHTTP 200\n"),
        file("later.hurl", "GET {{url}}/hi!\nHTTP 200\n"),
    ];
    let run = RunRequest { total_timeout: Duration::from_millis(700), ..request(&server.connect, files) };
    let results = runner().run(run).await.unwrap();
    let outcomes: Vec<_> = results.iter().map(|result| result.outcome).collect();
    assert_eq!(outcomes, [Outcome::Passed, Outcome::TimedOut, Outcome::TimedOut]);
    assert!(results[1].failures[0].message.starts_with("not finished"), "{:?}", results[1].failures);
    assert!(results[2].failures[0].message.starts_with("not begun"), "{:?}", results[2].failures);
    assert!(!results[1].passed() && !results[2].passed());
}

/// Needs root, who alone may become somebody else; elsewhere there is nothing to prove.
#[tokio::test]
async fn the_helper_runs_as_the_user_that_was_asked_for() {
    assert!(nix::unistd::geteuid().is_root(), "only root may do what this test does: run it as root");
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &std::path::Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let (helper, socket) = (folder.path().join("seaworthy-check"), folder.path().join("s.sock"));
    // By another process: a test that forks meanwhile would hold the copy open for writing, and nobody could start it.
    #[expect(
        clippy::disallowed_methods,
        reason = "`cp` needs nothing of the environment, and nothing of the host crate"
    )]
    let copied = std::process::Command::new("/bin/cp").arg(env!("CARGO_BIN_EXE_seaworthy-check")).arg(&helper).status();
    assert!(copied.unwrap().success());
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    open(folder.path(), 0o755);
    open(&socket, 0o777);
    let peer = std::thread::spawn(move || getsockopt(&listener.accept().unwrap().0, PeerCredentials).unwrap());
    let connect = Connect::Unix(socket.to_str().unwrap().to_owned());
    let run = request(&connect, vec![file("a.hurl", "GET {{url}}\nHTTP 200\n")]);
    let run = RunRequest { user: Some((65534, 65533)), ..run };
    let results = seaworthy_checks::Runner::new(helper).run(run).await.unwrap();
    assert!(!results[0].passed(), "nobody answered");
    let peer = peer.join().unwrap();
    assert_eq!((peer.uid(), peer.gid()), (65534, 65533));
}
