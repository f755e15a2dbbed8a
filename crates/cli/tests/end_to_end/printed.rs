//! What verbs print and how they end, word for word: the command line is an interface like any other.

use crate::support::manifest::{Service, app, small};
use crate::support::world::{Ran, World, free_port};
use std::fmt::Write as _;

/// What differs from one run to the next, and what stands for it. Earlier ones win.
const CHANGING: [(&str, &str); 26] = [
    (r"listens on \d+ whatever", "listens on [port] whatever"),
    (r", \[::1\]:\d+", ""),
    (r",\x22\[::1\]:\d+\x22", ""),
    (r"/tmp/seaworthy-[A-Za-z0-9]{6}\b", "[folder]"),
    (r"/run/seaworthy-homes/[0-9a-f]{8}", "[sockets]"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+Z)?", "[time]"),
    (r"(?m)^\d\d:\d\d:\d\d\.\d{3}", "[time]"),
    (r"\bpid \d+", "pid [pid]"),
    (r"starts as \d+", "starts as [pid]"),
    (r"(127\.0\.0\.1|\[::1\]|localhost):\d+", "$1:[port]"),
    (r"sha256:[0-9a-f]{64}", "[digest]"),
    (r"commit [0-9a-f]{10}\b", "commit [commit]"),
    (r"\b[0-9a-f]{12}\b", "[digest]"),
    (r"\b[0-9a-f]{10} (tested|on the node|refused)", "[commit] $1"),
    (r"-[0-9a-f]{8}-run-[0-9a-f]{8}", "-[pool]-run-[run]"),
    (r"-[0-9a-f]{8}\b", "-[pool]"),
    (r"done in \d+ ms", "done in [n] ms"),
    (r"(ok \S+) in [0-9.]+ s", "$1 in [n] s"),
    (r"\d+ KB", "[n] KB"),
    (r"\b\d+\.\d s\b", "[n] s"),
    (r"answer:   200 in \d+ ms", "answer:   200 in [n] ms"),
    (r"version\x22:\x22[0-9.]+", "version\":\"[version]"),
    (r"pid\x22:\d+", "pid\":[pid]"),
    // What a machine has is its own affair.
    (
        r"(?m)^(ok|--) (git|ssh|python3|Node\.js|ruby|java|go|cargo|[a-z]+ of [a-z ]+|namespaces|limits|nftables|builds|Dockerfiles): .*(\n   help: .*)?$",
        "[?] $2: [says]",
    ),
    (r"\d+ MB free", "[n] MB free"),
    // Where packages come from, and which there are today.
    (r"(?m)^! +(base|note) .*\n", ""),
];

/// Types verbs one after the other and keeps a record of all that was seen.
pub(crate) struct Terminal {
    pub(crate) world: World,
    seen: String,
}

impl Terminal {
    pub(crate) fn new(world: World) -> Self {
        Self { world, seen: String::new() }
    }

    pub(crate) fn types(&mut self, words: &[&str]) -> &mut Self {
        let ran = self.world.run(words);
        self.saw(words, &ran)
    }

    /// Takes note of a verb and of what it left behind.
    pub(crate) fn saw(&mut self, words: &[&str], ran: &Ran) -> &mut Self {
        let _ = writeln!(self.seen, "$ seaworthy {}", words.join(" "));
        for (mark, text) in [("", &ran.stdout), ("! ", &ran.stderr)] {
            for line in text.lines() {
                let _ = writeln!(self.seen, "{}", format!("{mark}{line}").trim_end());
            }
        }
        if ran.code != 0 {
            let _ = writeln!(self.seen, "(exit {})", ran.code);
        }
        self.seen.push('\n');
        self
    }

    /// Compares with what was seen before; lines of standard error begin with an exclamation mark.
    pub(crate) fn assert(&self, name: &str) {
        let mut settings = insta::Settings::clone_current();
        CHANGING.iter().for_each(|(pattern, instead)| settings.add_filter(pattern, *instead));
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, self.seen));
    }
}

#[test]
fn without_a_manifest() {
    let mut terminal = Terminal::new(World::new());
    for words in [&["up"][..], &["plan"], &["logs"], &["plan", "--json"], &["init"], &["--file", "no.toml", "up"]] {
        terminal.types(words);
    }
    terminal.world.write("Procfile", "web: ./subject\nworker: sh work.sh\n");
    terminal.types(&["init"]).types(&["init"]);
    terminal.assert("without_a_manifest");
}

#[test]
fn wrong_usage() {
    let mut terminal = Terminal::new(World::new());
    let lines: [&[&str]; 8] = [
        &[],
        &["explode"],
        &["deploy", "NOT-A-NAME"],
        &["deploy", "--wait", "never"],
        &["rollback"],
        &["run", "dev", "web"],
        &["node"],
        &["completions", "ksh"],
    ];
    for words in lines {
        terminal.types(words);
    }
    terminal.assert("wrong_usage");
}

#[test]
fn a_manifest_with_mistakes() {
    let mistakes = "app = \"subject\"\n\n[services.web]\nrun = \"x\"\nhelth = \"/\"\n\n[routes.web]\n\
                    host = \"web.localhost\"\nservice = \"wep\"\n\n[environments.dev]\n";
    let mut terminal = Terminal::new(World::with(mistakes));
    terminal.types(&["up"]).types(&["up", "--json"]).types(&["status", "dev"]).types(&["status"]);
    terminal.world.write_manifest("app = ");
    terminal.types(&["plan"]);
    terminal.assert("a_manifest_with_mistakes");
}

#[test]
fn from_the_first_deployment_to_the_last() {
    let mut terminal = Terminal::new(World::with(&small("one")));
    for words in
        [&["status"][..], &["plan"], &["up", "--wait", "bake"], &["plan"], &["up"], &["status"], &["logs"], &["open"]]
    {
        terminal.types(words);
    }
    terminal.world.write_manifest(&small("two"));
    for words in [
        &["plan"][..],
        &["deploy", "--wait", "bake"],
        &["history"],
        &["rollback", "dev", "--wait", "bake"],
        &["run", "dev", "web", "--", "./subject", "ask", "no.sock"],
        &["diff", "dev", "dev"],
        &["open", "dev", "web", "--json"],
        &["down", "dev"],
        &["down", "dev"],
        &["status"],
    ] {
        terminal.types(words);
    }
    terminal.assert("from_the_first_deployment_to_the_last");
}

#[test]
fn names_that_name_nothing() {
    let mut terminal = Terminal::new(World::with(&small("one")));
    terminal.types(&["up"]);
    for words in [
        &["up", "nowhere"][..],
        &["status", "nowhere"],
        &["logs", "nowhere"],
        &["logs", "dev", "nothing"],
        &["logs", "web"],
        &["open", "nowhere"],
        &["open", "dev", "nothing"],
        &["run", "dev", "nothing", "--", "true"],
        &["run", "dev", "web", "--", "no-such-program"],
        &["up", "--only", "nothing"],
        &["plan", "--only", "nothing"],
        &["rollback", "dev"],
        &["rollback", "dev", "--to", "99"],
        &["promote", "nowhere", "prod"],
        &["diff", "dev", "prod"],
        &["down", "nowhere"],
        &["history", "nowhere"],
        &["--app", "nothing", "status"],
        &["status", "--node", "http://host"],
    ] {
        terminal.types(words);
    }
    terminal.assert("names_that_name_nothing");
}

#[test]
fn deployments_that_fail() {
    let failing = Service::web("web", "one").line("test = \"echo one; echo two >&2; exit 3\"");
    let mut terminal = Terminal::new(World::with(&app(&[failing], &[])));
    terminal.types(&["up"]);
    let missing = Service::web("web", "one").line("files = [\"subject\", \"missing\"]");
    terminal.world.write_manifest(&app(&[missing], &[]));
    terminal.types(&["up"]);
    let required = Service::web("web", "one").line("env.KEY = { required = true }");
    terminal.world.write_manifest(&app(&[required], &[]));
    terminal.types(&["plan"]).types(&["up"]);
    let sick = Service::web("web", "sick").env("HEALTH_STATUS", "503").line("start_timeout = \"1s\"");
    terminal.world.write_manifest(&app(&[sick], &[]));
    terminal.types(&["up"]).types(&["history"]);
    let crashing = Service::web("web", "crashing").env("CRASH", "at-start");
    terminal.world.write_manifest(&app(&[crashing], &[]));
    terminal.types(&["up"]);
    terminal.assert("deployments_that_fail");
}

#[test]
fn the_node_itself() {
    let mut terminal = Terminal::new(World::new());
    for words in [&["node", "status"][..], &["node", "stop"], &["node", "start"], &["node", "status"]] {
        terminal.types(words);
    }
    terminal.types(&["node", "stop"]).types(&["node", "status", "--json"]).types(&["--version"]);
    terminal.assert("the_node_itself");
}

#[test]
fn what_a_program_lacks_is_in_its_status() {
    let port = free_port().to_string();
    let plain = Service::new("web", "one").line(&format!("port = {port}")).line("update = \"replace\"");
    let mut terminal = Terminal::new(World::with(&app(&[plain.env("FIXED_PORT", &port)], &[])));
    terminal.types(&["up", "--wait", "bake"]).types(&["status"]);
    terminal.assert("what_a_program_lacks");
}
