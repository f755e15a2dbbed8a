//! Our images under other tools: run by runc, and moved by skopeo to the node and from it.

use crate::foreign_images::run_with;
use crate::support::http;
use crate::support::manifest::small;
use crate::support::registry::tool;
use crate::support::wait_for;
use crate::support::world::{World, free_port};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seaworthy_host::{files, peer, process};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PYTHON: &str = "\n[services.py]\nbase = [\"python3\"]\nrun = [\"python3\", \"uecho.py\"]\nfiles = [\"uecho.py\", \
    \"connection.py\", \"log.py\", \"phrase.py\", \"request.py\", \"response.py\", \"server.py\", \"settings.py\"]\n";

/// A container, until it is dropped.
struct Container<'a> {
    world: &'a World,
    name: &'static str,
    child: Child,
}

impl<'a> Container<'a> {
    /// Runs an exported image as umoci unpacks it, on this machine's network, and waits until it answers.
    fn run(world: &'a World, name: &'static str, path: &str, variables: &[&str]) -> (Self, String) {
        let (layout, bundle) = (format!("layout-{name}"), format!("bundle-{name}"));
        world.run(&["image", "export", name, &layout]).expect(0);
        tool(world, "umoci", &["unpack", "--image", &format!("{layout}:{name}"), &bundle]);
        let port = free_port();
        let config = world.app.join(&bundle).join("config.json");
        let mut settings: Value = serde_json::from_slice(&files::read(&config).expect("a bundle")).expect("JSON");
        let process = &mut settings["process"];
        process["terminal"] = json!(false);
        let environment = process["env"].as_array_mut().expect("variables");
        environment.extend(variables.iter().map(|variable| json!(variable)));
        environment.extend([json!(format!("PORT={port}")), json!("HOST=127.0.0.1")]);
        let namespaces = settings["linux"]["namespaces"].as_array_mut().expect("namespaces");
        namespaces.retain(|namespace| namespace["type"] != "network");
        files::write_atomic(&config, settings.to_string().as_bytes(), 0o644).expect("written");
        let mut command = runc(world, &["run", "--bundle", &bundle, name]);
        let log = fs::File::create(world.app.join("runc.log")).expect("a log");
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().expect("a copy")).stderr(log).spawn();
        let container = Self { world, name, child: child.expect("`apt-get install runc`") };
        let page = wait_for(&format!("an answer of `{name}` under runc"), Duration::from_secs(30), || {
            let answer = http::get(port, "localhost", path).ok().filter(|answer| answer.status == 200);
            answer.map(|answer| answer.text())
        });
        (container, page)
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let _ = runc(self.world, &["kill", self.name, "KILL"]).output();
        let _ = self.child.wait();
        let _ = runc(self.world, &["delete", "--force", self.name]).output();
    }
}

fn runc(world: &World, words: &[&str]) -> Command {
    let mut command = process::command("runc");
    command.env("PATH", "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin").current_dir(&world.app);
    command.arg("--root").arg(world.home.with_file_name("runc")).args(words);
    command
}

#[test]
fn runc_runs_a_rust_and_a_python_service_as_nobody() {
    assert!(peer::is_root(), "runc makes containers here as root: run this as root");
    let world = World::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/unstoppable-echo/echo-python");
    let copied = process::command("/bin/cp").arg("-r").arg(source).arg(world.app.join("py")).output().expect("cp");
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    world.write_manifest(&format!("{}{PYTHON}", small("under runc")));
    world.run(&["build"]).expect(0);
    let (_rust, answer) = Container::run(&world, "web", "/version", &["VERSION=under runc"]);
    assert_eq!(answer, "under runc");
    let (_python, page) = Container::run(&world, "py", "/hi!", &[]);
    assert!(page.contains("hi! right back at ya!"), "{page}");
    let state = runc(&world, &["ps", "--format", "json", "py"]).output().expect("runc");
    let pids: Vec<u32> = serde_json::from_slice(&state.stdout).expect("JSON");
    let status = fs::read_to_string(format!("/proc/{}/status", pids[0])).expect("its status");
    assert!(status.contains("Uid:\t65532\t65532"), "{status}");
}

#[test]
fn skopeo_moves_images_to_the_node_and_from_it() {
    let world = World::with(&small("moved"));
    let port = free_port();
    let mut command = world.command(&["node", "start"]);
    assert!(command.env("SEAWORTHY_REGISTRY_PORT", port.to_string()).status().expect("the binary").success());
    let token = fs::read_to_string(world.home.join("registry.token")).expect("the token");
    let creds = format!("anybody:{}", token.trim());
    world.up();
    let digest = world.json(&["image", "ls"])[0]["image"].as_str().expect("a digest").to_owned();
    // What is deployed is there by itself.
    let deployed = format!("docker://127.0.0.1:{port}/subject/web@{digest}");
    let seen = tool(&world, "skopeo", &["inspect", "--tls-verify=false", "--creds", &creds, &deployed]);
    let seen: Value = serde_json::from_slice(&seen).expect("JSON");
    assert_eq!(seen["Digest"], json!(digest));
    let copy = |credentials: &str, verify: &str, from: &str, to: &str| {
        let words =
            ["--insecure-policy", "copy", "--quiet", "--preserve-digests", credentials, &creds, verify, from, to];
        tool(&world, "skopeo", &words);
    };
    copy("--src-creds", "--src-tls-verify=false", &deployed, "oci:pulled:web");
    let there = format!("docker://127.0.0.1:{port}/team/copy:1");
    copy("--dest-creds", "--dest-tls-verify=false", "oci:pulled:web", &there);
    let seen: Value = serde_json::from_slice(&tool(&world, "skopeo", &["inspect", "oci:pulled:web"])).expect("JSON");
    assert_eq!(seen["Digest"], json!(digest));

    // And the node's registry is one from which services come, with what `podman login` would write.
    let auth = json!({ "auths": { format!("127.0.0.1:{port}"): { "auth": STANDARD.encode(&creds) } } });
    files::write_atomic(&world.app.join("auth.json"), auth.to_string().as_bytes(), 0o600).expect("written");
    let settings = [("REGISTRY_AUTH_FILE", world.app.join("auth.json").display().to_string())];
    let image = format!("127.0.0.1:{port}/team/copy:1");
    world.write_manifest(&format!("app = \"again\"\n[services.web]\nimage = \"{image}\"\n"));
    run_with(&world, &["build"], &[]).expect(1).says("log in: `podman login");
    run_with(&world, &["build"], &settings).expect(0);
    assert_eq!(world.json(&["image", "ls"])[0]["image"], json!(digest));
    let pushed = format!("127.0.0.1:{port}/team/pushed:2");
    run_with(&world, &["image", "push", "web", &pushed], &settings).expect(0);
    let there = format!("docker://{pushed}");
    let seen = tool(&world, "skopeo", &["inspect", "--tls-verify=false", "--creds", &creds, &there]);
    let seen: Value = serde_json::from_slice(&seen).expect("JSON");
    assert_eq!(seen["Digest"], json!(digest));
}
