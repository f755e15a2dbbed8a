//! Others are told what became of a commit: the forge, a webhook, a command.

use super::support::repository::{Repository, Server, followed};
use super::support::wait_for;
use super::support::world::World;
use seaworthy_delivery::signature::is_right;
use seaworthy_diagnostics::Masked;
use seaworthy_host::files;
use serde_json::Value;
use std::time::Duration;

#[test]
fn the_forge_a_webhook_and_a_command_are_told() {
    let world = World::following();
    let repository = Repository::new(&world);
    let token = "forge-token-0123456789";
    let server = Server::start(&world, token);
    let url = server.url("repository.git");
    let notify = format!("notify = {{ command = [\"sh\", \"./tell.sh\"], webhook = \"{}\" }}", server.url("hook"));
    let version = |version: &str| format!("forge = \"github\"\n{}", followed(&url, version, &[&notify]));
    // Builds and commands may write into their home, which outlives them.
    world.write("tell.sh", "cat > \"$HOME/told.json\"\n");
    world.write_manifest(&version("one"));
    repository.push(&world, "main");
    files::create_directory(&world.home, 0o711).unwrap();
    files::create_directory(&world.home.join("credentials"), 0o700).unwrap();
    let file = world.home.join("credentials/subject.token");
    files::write_atomic(&file, token.as_bytes(), 0o600).unwrap();
    world.up();
    world.write_manifest(&version("two"));
    let good = repository.push(&world, "main");
    assert_eq!(world.ended_run(&good)["outcome"], "deployed");
    world.write("broken", "no\n");
    let broken = repository.push(&world, "main");
    assert_eq!(world.ended_run(&broken)["outcome"], "failed");

    let states = |commit: &str| -> Vec<String> {
        let path = format!("/api/v3/repos/repository/statuses/{commit}");
        let calls = server.told().into_iter().filter(|call| call["path"] == path.as_str());
        let state = |call: Value| {
            assert_eq!(call["headers"]["authorization"], format!("Bearer {token}"));
            let body: Value = serde_json::from_str(call["body"].as_str().unwrap()).unwrap();
            assert_eq!(body["context"], "seaworthy");
            body["state"].as_str().unwrap().to_owned()
        };
        calls.map(state).collect()
    };
    let told = |commit: &str, last: &str| {
        wait_for("the forge", Duration::from_secs(20), || {
            let states = states(commit);
            states.contains(&last.to_owned()).then_some(states)
        })
    };
    assert!(told(&good, "success").contains(&"pending".to_owned()));
    told(&broken, "failure");

    let hook = wait_for("the webhook", Duration::from_secs(20), || {
        server.told().into_iter().find(|call| call["path"] == "/hook")
    });
    let secret = world.json(&["node", "webhook", "--reveal"])["secret"].as_str().unwrap().to_owned();
    let body = hook["body"].as_str().unwrap();
    let signature = hook["headers"]["x-seaworthy-signature-256"].as_str().unwrap();
    assert!(is_right(&Masked::new(secret), body.as_bytes(), signature.as_bytes()));
    let evidence: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&evidence["commit"], &evidence["outcome"]), (&broken.as_str().into(), &"failed".into()));
    assert_eq!(evidence["failure"]["evidence"][0], "no", "{evidence:#}");

    let written = wait_for("the command", Duration::from_secs(20), || {
        let delivery = world.home.join("delivery/subject");
        let folders = std::fs::read_dir(delivery).ok()?.flatten();
        folders
            .filter_map(|folder| files::read(&folder.path().join("home/told.json")).ok())
            .find(|text| !text.is_empty())
    });
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), evidence);
}
