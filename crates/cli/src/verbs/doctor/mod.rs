//! `seaworthy doctor`: what this machine can and cannot do.

mod builds;

use crate::context::{Context, local_transport};
use crate::exit::{Ended, Ending};
use crate::output::style;
use seaworthy_api::Client;
use seaworthy_api::Transport;
use seaworthy_checks::Runner;
use seaworthy_engine::{Capabilities, ShimCommand};
use serde::Serialize;
use std::borrow::Cow;
use std::path::Path;
use std::process::Stdio;

/// Where instances look for their programs.
const RUN_TIME_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One thing that was looked at.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    standing: Standing,
    says: String,
    help: Option<Cow<'static, str>>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    Good,
    Missing,
    Wrong,
}

pub(super) async fn run(context: &Context) -> Ending {
    let mut findings = vec![git(), ssh(), helper()];
    findings.extend([("python3", "python3"), ("Node.js", "node"), ("ruby", "ruby"), ("java", "java")].map(interpreter));
    findings.extend(["go", "cargo"].map(compiler));
    findings.extend(sandbox());
    findings.extend([builds::walls(), builds::dockerfiles()]);
    findings.push(disk());
    findings.push(node().await);
    if context.output.json {
        context.output.value(&findings);
    } else {
        findings.iter().for_each(|finding| print(context, finding));
    }
    let wrong = findings.iter().any(|finding| finding.standing == Standing::Wrong);
    if wrong { Err(Ended::Code(1)) } else { Ok(()) }
}

fn print(context: &Context, finding: &Finding) {
    let (mark, colour) = match finding.standing {
        Standing::Good => ("ok", style::GOOD),
        Standing::Missing => ("--", style::WARN),
        Standing::Wrong => ("no", style::BAD),
    };
    context.output.data(&format!("{colour}{mark}{colour:#} {}: {}", finding.what, finding.says));
    if let Some(help) = finding.help.as_ref().filter(|_| finding.standing != Standing::Good) {
        context.output.data(&format!("   help: {help}"));
    }
}

fn version(program: &str, path: Option<&str>) -> Option<String> {
    let mut command = seaworthy_host::process::command(program);
    let argument = match program {
        "ssh" => "-V",
        "go" => "version",
        _ => "--version",
    };
    command.arg(argument).stdin(Stdio::null());
    match path {
        Some(path) => command.env("PATH", path),
        // To look installs nothing.
        None => command.envs(std::env::vars_os()).env("RUSTUP_AUTO_INSTALL", "0").env("GOTOOLCHAIN", "local"),
    };
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    Some(String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned())
}

fn program(what: &'static str, name: &str, path: Option<&str>, help: &'static str) -> Finding {
    match version(name, path) {
        Some(says) => Finding { what, standing: Standing::Good, says, help: None },
        None => Finding { what, standing: Standing::Missing, says: "not found".to_owned(), help: Some(help.into()) },
    }
}

fn git() -> Finding {
    program("git", "git", None, "without git, `deploy` builds the working tree: `apt-get install git`")
}

fn ssh() -> Finding {
    program("ssh", "ssh", None, "nodes on other machines are reached by it: `apt-get install openssh-client`")
}

fn interpreter((what, name): (&'static str, &str)) -> Finding {
    let help = "only services written for it need it; it must be in the run-time PATH, not just in yours";
    program(what, name, Some(RUN_TIME_PATH), help)
}

/// What services are built with, by whoever types the verb: in no image, and in no run-time PATH.
fn compiler(name: &'static str) -> Finding {
    program(name, name, None, "only services written for it need it, where they are built: in your PATH")
}

fn helper() -> Finding {
    let what = "checks";
    match Runner::locate() {
        Ok(_) => Finding { what, standing: Standing::Good, says: "seaworthy-check is there".to_owned(), help: None },
        Err(error) => Finding {
            what,
            standing: Standing::Wrong,
            says: error.to_string(),
            help: Some(
                "an app with checks cannot deploy without it: `cargo build --release -p seaworthy-check`".into(),
            ),
        },
    }
}

/// What there is for sandboxes, found out by making one.
fn sandbox() -> Vec<Finding> {
    let found = Capabilities::find(&ShimCommand::default()).findings().into_iter();
    let finding = |part: seaworthy_engine::CapabilityFinding| Finding {
        what: part.what,
        standing: if part.good { Standing::Good } else { Standing::Missing },
        says: part.says,
        help: part.help.map(Cow::Owned),
    };
    found.map(finding).collect()
}

fn disk() -> Finding {
    let home = seaworthy_node::place::user_home();
    let existing = home.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let free = seaworthy_host::files::free_bytes(existing).unwrap_or(0) / (1024 * 1024);
    Finding {
        what: "disk",
        standing: if free > 1024 { Standing::Good } else { Standing::Wrong },
        says: format!("{free} MB free for {}", home.display()),
        help: Some("releases and logs need room; `SEAWORTHY_HOME` can point to another disk".into()),
    }
}

async fn node() -> Finding {
    let what = "seaworthy node"; // Node.js has a line of its own
    let wrong =
        |says: String| Finding { what, standing: Standing::Wrong, says, help: Some("`seaworthy node status`".into()) };
    let socket = match local_transport() {
        Ok(Transport::Unix(socket)) => socket,
        Ok(Transport::Ssh { .. }) => return wrong("is not on this machine".to_owned()),
        Err(Ended::Refused(errors)) => {
            return wrong(errors.first().map(ToString::to_string).unwrap_or_default());
        }
        Err(_) => return wrong("its place is not known".to_owned()),
    };
    if let Ok(Some(stopped)) = seaworthy_node::start::is_stopped().await {
        let (says, help) = (stopped.words(), stopped.help().into());
        return Finding { what, standing: Standing::Missing, says, help: Some(help) };
    }
    if !seaworthy_node::start::answers(&socket).await {
        let says = "does not run; verbs that need it start it".to_owned();
        return Finding { what, standing: Standing::Good, says, help: None };
    }
    match Client::new(Transport::Unix(socket)).node().await {
        Ok(info) => {
            let says = format!("runs as {}, serving on {}", info.user, info.addresses.join(", "));
            Finding { what, standing: Standing::Good, says, help: None }
        }
        Err(error) => wrong(error.to_string()),
    }
}
