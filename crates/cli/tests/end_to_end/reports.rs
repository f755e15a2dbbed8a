//! The verdict for others: reports that tests write, reports that `check` writes, gates, and the workflows of forges.

use crate::printed::Terminal;
use crate::support::manifest::{Service, app};
use crate::support::world::World;
use serde_json::Value;
use std::fs;

/// What a test command writes: one that passed, one that did not.
const REPORT: &str = "<testsuite name='cart'><testcase classname='cart' name='sum' time='0.01'/>\
    <testcase classname='cart' name='discount' file='cart_test.py' line='7'><failure message='expected 100, found 90'>\
    assert price == 100\n  found 90</failure></testcase></testsuite>";

fn committed(lines: &[&str], rest: &str) -> World {
    let service = lines.iter().fold(Service::web("web", "one"), |service, line| service.line(line));
    let world = World::with(&(app(&[service], &[]) + rest));
    world.write("report.txt", REPORT);
    world.commit();
    world
}

fn verdict(world: &World, words: &[&str], code: i32) -> Value {
    let ran = world.run(&[&["check", "--json"], words].concat()).expect(code);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", ran.stdout, ran.stderr))
}

fn rules(verdict: &Value) -> Vec<&str> {
    let findings = verdict["findings"].as_array().expect("findings");
    findings.iter().filter_map(|finding| finding["rule"].as_str()).collect()
}

#[test]
fn the_first_failing_test_of_a_report_comes_first_in_every_format() {
    let lines = ["test = \"cp report.txt report.xml; echo two tests; exit 1\"", "junit = \"report.xml\""];
    let mut terminal = Terminal::new(committed(&lines, ""));
    let reports = terminal.world.app.with_file_name("reports");
    let file = |name: &str| reports.join(name).display().to_string();
    let (junit, sarif, markdown) = (file("a/junit.xml"), file("b.sarif"), file("c.md"));
    let words = ["check", "--junit", &junit, "--sarif", &sarif, "--markdown", &markdown];
    let ran = terminal.world.run(&words).expect(1);
    terminal.saw(&["check", "--junit", "…", "--sarif", "…", "--markdown", "…"], &ran).assert("check_report");
    let read = seaworthy_reports::junit::read(&fs::read(junit).expect("a report"));
    assert_eq!(read.problem, None);
    let bad: Vec<String> = read.cases.iter().filter(|case| case.is_bad()).map(|case| case.name.clone()).collect();
    assert_eq!(bad, ["discount"]);
    let sarif: Value = serde_json::from_slice(&fs::read(sarif).expect("a report")).expect("JSON");
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!((&place["artifactLocation"]["uri"], &place["region"]["startLine"]), (&"cart_test.py".into(), &7.into()));
    let summary = fs::read_to_string(markdown).expect("a report");
    assert!(summary.starts_with("## seaworthy check `subject`: failed\n"), "{summary}");
    assert!(summary.contains("expected 100, found 90"), "{summary}");
}

#[test]
fn a_report_with_a_failure_fails_whatever_the_command_says() {
    let world = committed(&["test = \"cp report.txt report.xml\"", "junit = \"*.xml\""], "");
    let verdict = verdict(&world, &[], 1);
    assert_eq!(rules(&verdict), ["failed-test"]);
    assert_eq!(verdict["findings"][0]["subject"], "cart discount");
}

#[test]
fn a_report_that_is_missing_old_or_broken_is_a_finding_and_stays_one() {
    let world = committed(&["test = \"true\"", "junit = \"report.xml\""], "");
    for _ in 0..2 {
        let verdict = verdict(&world, &[], 0);
        assert_eq!(rules(&verdict), ["unreadable-report"], "cached or not");
    }
    // What lay there before the tests ran says nothing about them.
    world.write("report.xml", REPORT);
    world.commit();
    let old = verdict(&world, &[], 0);
    assert!(old["findings"][0]["message"].as_str().is_some_and(|text| text.contains("older")), "{old:#}");
    assert!(world.app.join("report.xml").exists(), "nothing is removed");
    world.write("report.xml", "");
    world.write_manifest(&app(
        &[Service::web("web", "one")
            .line("test = \"mkfifo a.xml; ln -s /etc/passwd b.xml\"")
            .line("junit = \"[ab].xml\"")],
        &[],
    ));
    world.commit();
    assert_eq!(rules(&verdict(&world, &[], 0)), ["unreadable-report"]);
}

/// Passes at the second attempt.
const FLAKY: [&str; 2] = ["test = \"echo x >> tries; test $(wc -l < tries) -ge 2\"", "retry = 1"];

fn waiver(expires: &str) -> String {
    format!(
        "\n[gates]\nrelease = {{ stop = [\"flaky-test\"] }}\n[[gates.waivers]]\nfinding = \"flaky-test\"\n\
         reason = \"the clock is being replaced\"\nowner = \"core\"\nexpires = \"{expires}\"\n"
    )
}

#[test]
fn a_gate_stops_a_release_until_it_is_waived_and_no_longer_than_that() {
    let mut terminal = Terminal::new(committed(&FLAKY, "\n[gates]\nrelease = { stop = [\"flaky-test\"] }\n"));
    terminal.types(&["check"]);
    let manifest = |rest: &str| {
        let service = FLAKY.iter().fold(Service::web("web", "one"), |service, line| service.line(line));
        app(&[service], &[]) + rest
    };
    for expires in ["9999-12-31", "2020-01-31"] {
        terminal.world.write_manifest(&manifest(&waiver(expires)));
        terminal.world.commit();
        terminal.types(&["check"]);
    }
    terminal.assert("check_gates");
}

#[test]
fn what_a_check_found_stops_an_environment_on_the_node() {
    let mut terminal = Terminal::new(committed(&FLAKY, "gate = { stop = [\"flaky-test\"] }\n"));
    // The last line of the manifest is the table of `prod`.
    terminal.types(&["check"]);
    terminal.types(&["plan", "prod"]).types(&["deploy", "prod"]);
    terminal.assert("deploy_gated");
    terminal.world.run(&["up", "dev"]).expect(0);
    terminal.world.run(&["promote", "dev", "prod"]).expect(2).says("finding stops");
}

#[test]
fn init_writes_a_workflow_and_nothing_over_another() {
    let world = World::new();
    fs::remove_dir_all(&world.app).expect("a folder");
    fs::create_dir_all(&world.app).expect("a folder");
    world.write("main.py", "import http.server\n");
    world.write("requirements.txt", "");
    world.run(&["init", "--ci", "github"]).expect(0).says("SEAWORTHY_SOURCE");
    assert!(world.app.join("seaworthy.toml").exists(), "a manifest comes with it where there is none");
    let workflow = world.app.join(".github/workflows/seaworthy.yml");
    let text = fs::read_to_string(&workflow).expect("a workflow");
    world.write("seaworthy.toml", "app = \"mine\"\n[services.a]\nrun = [\"python3\", \"main.py\"]\n");
    world.run(&["init", "--ci", "github"]).expect(2).says("is there already");
    assert_eq!(fs::read_to_string(&workflow).expect("a workflow"), text);
    let source = "https://git.example.com/seaworthy.git";
    world.run(&["init", "--ci", "github", "--force", "--from", source]).expect(0);
    assert!(fs::read_to_string(&workflow).expect("a workflow").contains(source));
    let manifest = fs::read_to_string(world.app.join("seaworthy.toml")).expect("a manifest");
    assert!(manifest.contains("mine"), "a manifest that is there is left alone");
    world.run(&["init", "--ci", "gitlab", "--from", source]).expect(0);
    world.run(&["init", "--ci", "gitlab", "--from", source]).expect(2).says("include");
    world.run(&["init", "--ci", "forgejo", "--from", "https://me:secret@example.com/s"]).expect(2).says("password");
    world.run(&["init", "--from", source]).expect(64);
}
