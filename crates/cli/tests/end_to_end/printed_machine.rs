//! What the verbs for the machine and its node print, and those for shells and editors.

use crate::printed::Terminal;
use crate::support::manifest::{Service, app, small};
use crate::support::world::{World, free_port};
use serde_json::Value;

#[test]
fn the_node_for_programs() {
    let mut terminal = Terminal::new(World::new());
    for words in [
        &["node", "stop", "--json"][..],
        &["node", "start", "--json"],
        &["node", "status", "--json"],
        &["node", "stop", "--json"],
        &["node", "stop", "--all", "--json"],
    ] {
        terminal.types(words);
    }
    terminal.assert("the_node_for_programs");
}

#[test]
fn installing_a_node_into_a_folder() {
    let mut terminal = Terminal::new(World::new());
    let root = terminal.world.app.join("machine").display().to_string();
    terminal.types(&["node", "install", "--root", &root]).types(&["node", "install", "--root", &root, "--json"]);
    terminal.types(&["node", "install", "--root", &root, "--listen", "everywhere"]);
    terminal.types(&["node", "install", "--root", "/dev/null/machine", "--json"]);
    terminal.types(&["node", "install", "--on", "ftp://host"]);
    terminal.assert("installing_a_node_into_a_folder");
}

#[test]
fn what_the_doctor_finds() {
    let world = World::new();
    // There are not many machines with so little room.
    world.small_disk(48);
    let mut terminal = Terminal::new(world);
    terminal.types(&["doctor"]);
    terminal.assert("what_the_doctor_finds");
    let ran = terminal.world.run(&["doctor", "--json"]).expect(1);
    let findings: Vec<Value> = serde_json::from_str(&ran.stdout).expect("a list");
    let standing = |what: &str| {
        let found = findings.iter().find(|finding| finding["what"] == what).expect("a finding");
        found["standing"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!((standing("disk").as_str(), standing("checks").as_str()), ("wrong", "good"));
}

#[test]
fn the_doctor_tries_what_services_will_need() {
    let world = World::new();
    let standing = |script: &str| {
        let printed = on_another_machine(&world, script, "doctor --json").stdout;
        let findings: Vec<Value> = serde_json::from_slice(&printed).expect("a list");
        let found = findings.iter().find(|finding| finding["what"] == "nftables").expect("a finding");
        (found["standing"].clone(), found["says"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(standing(""), (Value::from("good"), "there".to_owned()));
    let (now, says) = standing(REFUSING_NFT);
    assert_eq!(now, "missing", "{says}");
    assert!(says.contains("`nft` refuses"), "{says}");
}

const REFUSING_NFT: &str = "mount --bind /bin/false \"$(command -v nft)\" &&";

/// Runs a verb where a script has changed what is mounted.
fn on_another_machine(world: &World, script: &str, words: &str) -> std::process::Output {
    let command = world.command(&[]);
    let mut shell = seaworthy_host::process::command("unshare");
    shell.args(["--mount", "sh", "-c", &format!("{script} \"$0\" {words}")]).arg(command.get_program());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(&world.app);
    shell.output().expect("unshare")
}

#[test]
fn a_plan_tries_what_the_doctor_tries() {
    let port = "port = 8082";
    let web = Service::web("web", "v").line(port).line("calls = [\"back\"]").env("FIXED_PORT", "8082");
    let back = Service::web("back", "v").line(port).env("FIXED_PORT", "8082");
    let world = World::with(&app(&[web, back], &[]));
    let planned = on_another_machine(&world, REFUSING_NFT, "plan");
    let said = String::from_utf8_lossy(&planned.stderr).into_owned();
    assert!(!planned.status.success() && said.contains("`nft` refuses"), "{said}");
    assert!(said.contains("`call/back/8082`") && said.contains("help: `seaworthy doctor`"), "{said}");
    world.run(&["node", "stop", "--all"]).expect(0);
    world.run(&["node", "start"]).expect(0);
    world.run(&["plan"]).expect(2); // where it is, there is one
}

#[test]
fn a_port_of_another_node_is_called_by_its_home() {
    let (first, mut second) = (World::with(&small("one")), World::with(&small("one")));
    first.up();
    second.port = first.port;
    let home = first.home.display();
    let ran = second.run(&["up"]).expect(1);
    let ran = ran.says(&format!("another node of Seaworthy has it (home `{home}`, pid "));
    ran.says(&format!("`SEAWORTHY_HOME={home} seaworthy node stop --all`"));
    // The gateway that got no port is still there, and to end it a node has to start.
    second.port = free_port();
}

#[test]
fn the_schema_is_the_models() {
    let world = World::new();
    let printed: Value = serde_json::from_str(&world.run(&["schema"]).expect(0).stdout).expect("JSON");
    let model = serde_json::to_value(seaworthy_model::manifest::schema()).expect("JSON");
    assert_eq!(printed, model);
    assert_eq!(world.json(&["schema"]), model);
}

#[test]
fn completions_know_every_verb() {
    let world = World::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = world.run(&["completions", shell]).expect(0).stdout;
        for verb in ["up", "down", "deploy", "rollback", "promote", "status", "history", "logs", "doctor", "node"] {
            assert!(script.contains(verb), "{shell} does not know `{verb}`");
        }
        let document = world.json(&["completions", shell]);
        assert_eq!(document["shell"], shell);
        assert_eq!(document["script"].as_str().map(str::trim_end), Some(script.trim_end()));
    }
}

#[test]
fn promoting_from_one_environment_to_another() {
    let mut terminal = Terminal::new(World::with(&small("one")));
    terminal.types(&["promote", "dev", "prod"]).types(&["up", "--wait", "bake"]);
    for words in [
        &["promote", "dev", "prod", "--wait", "bake"][..],
        &["promote", "dev", "prod"],
        &["promote", "dev", "prod", "--json"],
        &["promote", "dev", "dev"],
        &["promote", "dev", "nowhere"],
        &["diff", "dev", "prod"],
        &["history", "prod"],
        &["history", "prod", "--json"],
    ] {
        terminal.types(words);
    }
    terminal.assert("promoting");
}
