//! What comes in from outside: webhooks, branches, servers of repositories.

use super::support::http;
use super::support::repository::{Repository, Server, followed};
use super::support::world::{World, free_port};
use seaworthy_delivery::signature::sign;
use seaworthy_diagnostics::Masked;
use seaworthy_host::files;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Posts a body as a forge does; the status.
fn post(port: u16, path: &str, header: Option<(&str, &str)>, body: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the door");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    let header = header.map(|(name, value)| format!("{name}: {value}\r\n")).unwrap_or_default();
    let head = format!("POST {path} HTTP/1.1\r\nhost: node\r\n{header}content-length: {}\r\n\r\n", body.len());
    // A server that has heard enough may close before everything is sent.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    let mut answer = Vec::new();
    let _ = stream.take(4096).read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

#[test]
fn a_webhook_wakes_the_node_if_it_is_signed_and_harms_nothing_if_not() {
    let mut world = World::following();
    let port = free_port();
    world.variables = vec![("SEAWORTHY_POLL_SECONDS", "3600".to_owned()), ("SEAWORTHY_WEBHOOK_PORT", port.to_string())];
    let repository = Repository::new(&world);
    world.write_manifest(&followed(&repository.url(), "one", &[]));
    repository.push(&world, "main");
    world.up();
    let info = world.json(&["node", "webhook", "--reveal"]);
    let path = "/v1/webhooks/subject";
    assert_eq!(info["url"], format!("http://127.0.0.1:{port}{path}"));
    let file = std::path::Path::new(info["secret_file"].as_str().unwrap()).to_owned();
    let secret = Masked::new(info["secret"].as_str().unwrap().to_owned());
    assert_eq!(files::read(&file).unwrap(), format!("{}\n", secret.reveal()).as_bytes());
    assert!(world.json(&["node", "webhook"])["secret"].is_null());

    world.write_manifest(&followed(&repository.url(), "two", &[]));
    let commit = repository.push(&world, "main");
    let (github, own) = ("X-Hub-Signature-256", "X-Seaworthy-Signature-256");
    let body = b"{\"ref\":\"refs/heads/main\"}".as_slice();
    let right = sign(&secret, body);
    let wrong = sign(&Masked::new("another secret entirely".to_owned()), body);
    assert_eq!(post(port, path, None, body), 401);
    for signature in [wrong.as_str(), "", "sha256=", "sha1=00", &right[..70]] {
        assert_eq!(post(port, path, Some((github, signature)), body), 401, "{signature}");
    }
    assert_eq!(post(port, path, Some((github, &right)), b"{}"), 401, "of another body");
    assert_eq!(post(port, "/v1/webhooks/another", Some((github, &right)), body), 401);
    assert_eq!(post(port, "/v1/webhooks/..%2f..%2fnode", Some((github, &right)), body), 401);
    // GitLab does not sign.
    let gitlab = "X-Gitlab-Token";
    for token in ["", "another secret entirely", &secret.reveal()[1..], right.as_str()] {
        assert_eq!(post(port, path, Some((gitlab, token)), body), 401, "{token}");
    }
    assert_eq!(post(port, "/v1/webhooks/another", Some((gitlab, secret.reveal())), body), 401);
    // A token makes no wrong signature right, and is no signature.
    let both = format!("{wrong}\r\n{gitlab}: {}", secret.reveal());
    assert_eq!(post(port, path, Some((github, &both)), body), 401);
    assert_eq!(post(port, path, Some((own, secret.reveal())), body), 401);
    let huge = vec![b'x'; 2 << 20];
    assert_eq!(post(port, path, Some((own, &sign(&secret, &huge))), &huge), 413);
    assert_eq!(post(port, path, Some((gitlab, secret.reveal())), &huge), 413);
    assert!(http::get(port, "node", "/v1/node").is_ok_and(|answer| answer.status == 404));
    let log = String::from_utf8(files::read(&world.home.join("node.log")).unwrap()).unwrap();
    assert!(log.contains("a webhook for `subject` was refused: its signature is not right"), "{log}");
    assert!(log.contains("a webhook for `subject` was refused: its token is not right"), "{log}");
    assert!(log.contains("a webhook for `subject` was refused: it has neither a signature nor a token"), "{log}");
    assert!(!log.contains(secret.reveal()));
    assert_eq!(world.json(&["runs", "dev"]).as_array().map(Vec::len), Some(0), "nobody was let in");

    // What it says does not matter.
    let malformed = b"{\"ref\": [\xff\xfe".as_slice();
    assert_eq!(post(port, path, Some((own, &sign(&secret, malformed))), malformed), 202);
    assert_eq!(world.ended_run(&commit)["outcome"], "deployed");
    assert_eq!(world.text("/version"), "two");

    world.write_manifest(&followed(&repository.url(), "three", &[]));
    let commit = repository.push(&world, "main");
    assert_eq!(post(port, path, Some((gitlab, secret.reveal())), body), 202);
    assert_eq!(world.ended_run(&commit)["outcome"], "deployed");
    assert_eq!(world.text("/version"), "three");
    let said = world.run(&["node", "webhook"]).expect(0).says("to GitLab as its `secret token`");
    assert!(!said.stderr.contains(secret.reveal()) && !said.stdout.contains(secret.reveal()));
}

#[test]
fn a_slow_client_keeps_nobody_out() {
    let mut world = World::following();
    let port = free_port();
    world.variables.push(("SEAWORTHY_WEBHOOK_PORT", port.to_string()));
    world.run(&["node", "start"]).expect(0);
    let slow: Vec<TcpStream> = (0..40).filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok()).collect();
    for mut stream in &slow {
        let _ = stream.write_all(b"POST /v1/webhooks/subject HTTP/1.1\r\n");
    }
    let started = Instant::now();
    assert_eq!(post(port, "/v1/webhooks/subject", None, b"{}"), 401);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn a_branch_changes_nothing_but_what_follows_it() {
    let world = World::following();
    let repository = Repository::new(&world);
    let manifest = |version: &str, prod: &str| {
        let dev = followed(&repository.url(), version, &[]).replace("follow = \"main\"", "follow = \"wild\"");
        dev.replace(
            "[environments.prod]\n",
            &format!("[environments.prod]\nrepository = \"{}\"\n{prod}\n", repository.url()),
        )
    };
    world.write_manifest(&manifest("one", "follow = \"main\"\nbake = \"0s\"\nshift = [\"100%\"]"));
    let first = repository.push(&world, "main");
    repository.share(&world, "wild");
    world.up();
    world.run(&["deploy", "prod"]).expect(0);
    // On the other branch, somebody writes that production follows it, with values of their own.
    let grab = "follow = \"wild\"\nservices.web.env.VERSION = \"grabbed\"";
    world.write_manifest(&manifest("two", grab));
    let wild = repository.push(&world, "wild");
    assert_eq!(world.ended_run(&wild)["outcome"], "deployed");
    let of = |environment: &str| world.json(&["status", environment])["environments"][0].clone();
    assert_eq!(of("dev")["commit"], wild.as_str());
    let prod = of("prod");
    assert_eq!(prod["follow"]["follower"]["follows"]["branch"], "main", "{prod:#}");
    assert_eq!(prod["commit"], first.as_str(), "{prod:#}");
    assert_eq!(world.json(&["history", "prod"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn a_repository_behind_http_wants_its_token() {
    let world = World::following();
    let repository = Repository::new(&world);
    let token = "a-token-that-nobody-sees";
    let server = Server::start(&world, token);
    let url = server.url("repository.git");
    world.write_manifest(&followed(&url, "one", &[]));
    repository.push(&world, "main");
    world.up();
    world.write_manifest(&followed(&url, "two", &[]));
    let commit = repository.push(&world, "main");
    let status = super::support::wait_for("the reason", Duration::from_secs(60), || {
        let status = world.run(&["status", "dev"]).stdout;
        status.contains("cannot reach `http://127.0.0.1").then_some(status)
    });
    assert!(!status.contains(token), "{status}");
    let file = world.home.join("credentials/subject.token");
    files::write_atomic(&file, format!("{token}\n").as_bytes(), 0o644).unwrap();
    super::support::wait_for("the reason", Duration::from_secs(60), || {
        world.run(&["status", "dev"]).stdout.contains("others may read").then_some(())
    });
    files::set_mode(&file, 0o600).unwrap();
    assert_eq!(world.ended_run(&commit)["outcome"], "deployed");
    // Nothing that is kept, and nothing that a build finds, holds it.
    let mut search = seaworthy_host::process::command("grep");
    search.args(["--recursive", "--files-with-matches", token]).arg(&world.home).env("PATH", "/usr/bin:/bin");
    let found = String::from_utf8(search.output().expect("grep").stdout).unwrap();
    assert_eq!(found.trim(), file.display().to_string());
}
