//! The status of a commit, as each kind of server wants it.

use crate::credentials::Login;
use seaworthy_diagnostics::Masked;
use seaworthy_model::follow::{Forge, Repository};
use seaworthy_model::run::{Run, RunOutcome};
use serde_json::{Value, json};

/// Under which name the status stands.
const CONTEXT: &str = "seaworthy";
/// The longest description that GitHub takes, in characters.
const DESCRIPTION_MAX: usize = 140;

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Where to.
    pub url: String,
    /// The header that says who asks.
    pub header: (&'static str, Masked<String>),
    /// The body.
    pub body: Value,
}

/// The call that sets a commit's status to how its run stands. `None`: the server is not known by its address.
#[must_use]
pub fn status(forge: Forge, repository: &Repository, login: &Login, run: &Run) -> Option<Call> {
    let origin = match repository.origin() {
        Some(origin) => origin.to_owned(),
        None => format!("https://{}", repository.host()?),
    };
    let path = repository.path().trim_start_matches('/');
    let (commit, token) = (&run.commit, login.token.reveal());
    let description = description(run);
    let (url, header, body) = match forge {
        Forge::Github => {
            let api =
                if origin == "https://github.com" { "https://api.github.com".to_owned() } else { origin + "/api/v3" };
            let body = json!({ "state": state(run), "context": CONTEXT, "description": description });
            (format!("{api}/repos/{path}/statuses/{commit}"), ("authorization", format!("Bearer {token}")), body)
        }
        Forge::Gitea => {
            let body = json!({ "state": state(run), "context": CONTEXT, "description": description });
            let url = format!("{origin}/api/v1/repos/{path}/statuses/{commit}");
            (url, ("authorization", format!("token {token}")), body)
        }
        Forge::Gitlab => {
            let state = match state(run) {
                "failure" | "error" => "failed",
                other => other,
            };
            let body = json!({ "state": state, "name": CONTEXT, "description": description });
            let project = path.replace('/', "%2F");
            (format!("{origin}/api/v4/projects/{project}/statuses/{commit}"), ("private-token", token.clone()), body)
        }
    };
    Some(Call { url, header: (header.0, Masked::new(header.1)), body })
}

fn state(run: &Run) -> &'static str {
    match run.outcome {
        None => "pending",
        Some(RunOutcome::Deployed | RunOutcome::Built) => "success",
        Some(RunOutcome::Failed | RunOutcome::Returned) => "failure",
        Some(RunOutcome::Refused | RunOutcome::Superseded | RunOutcome::Stopped) => "error",
    }
}

/// Without what a build wrote: a status may be seen by more people than its log.
fn description(run: &Run) -> String {
    let environments: Vec<&str> = run.environments.iter().map(seaworthy_model::Name::as_str).collect();
    let text = match (&run.outcome, &run.failure) {
        (None, _) => format!("on its way to {}", environments.join(", ")),
        (Some(RunOutcome::Deployed), _) => format!("runs in {}", environments.join(", ")),
        (Some(RunOutcome::Superseded), _) => "a newer commit came".to_owned(),
        (Some(_), Some(failure)) => failure.message.replace('`', ""),
        (Some(_), None) => "not deployed".to_owned(),
    };
    text.chars().take(DESCRIPTION_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_diagnostics::Diagnostic;
    use seaworthy_model::Name;
    use seaworthy_model::run::{RunSource, RunState};

    fn run() -> Run {
        Run {
            id: 1,
            app: Name::new("shop").unwrap(),
            source: RunSource::Branch { repository: "x".to_owned(), branch: "main".to_owned() },
            commit: "abc".to_owned(),
            environments: vec![Name::new("qa").unwrap()],
            state: RunState::Done,
            outcome: Some(RunOutcome::Failed),
            failure: Some(Diagnostic::user(format!("the test of `web` failed{}", "!".repeat(200)))),
            release: None,
            deployments: std::collections::BTreeMap::new(),
            arrivals: std::collections::BTreeMap::new(),
            attempts: 1,
            queued_at: String::new(),
            started_at: None,
            since: None,
            ended_at: None,
            log: None,
            bundle: None,
            waits_for: None,
        }
    }

    #[test]
    fn each_forge_is_called_in_its_own_way() {
        let login = Login::parse("secret").unwrap();
        let call = |forge, repository: &str, run: &Run| {
            let call = status(forge, &Repository::new(repository).unwrap(), &login, run).unwrap();
            format!("{} {}: {} {}", call.url, call.header.0, call.header.1.reveal(), call.body["state"])
        };
        let failed = run();
        let good = Run { outcome: Some(RunOutcome::Deployed), ..run() };
        insta::assert_snapshot!([
            call(Forge::Github, "https://github.com/us/shop.git", &failed),
            call(Forge::Github, "git@github.com:us/shop.git", &good),
            call(Forge::Github, "http://127.0.0.1:3000/us/shop", &Run { outcome: None, ..run() }),
            call(Forge::Gitea, "ssh://git@code.example.com:2222/us/shop.git", &failed),
            call(Forge::Gitlab, "https://gitlab.example.com/a/b/shop.git", &failed),
        ].join("\n"), @r#"
        https://api.github.com/repos/us/shop/statuses/abc authorization: Bearer secret "failure"
        https://api.github.com/repos/us/shop/statuses/abc authorization: Bearer secret "success"
        http://127.0.0.1:3000/api/v3/repos/us/shop/statuses/abc authorization: Bearer secret "pending"
        https://code.example.com/api/v1/repos/us/shop/statuses/abc authorization: token secret "failure"
        https://gitlab.example.com/api/v4/projects/a%2Fb%2Fshop/statuses/abc private-token: secret "failed"
        "#);
        assert!(status(Forge::Github, &Repository::new("/srv/x").unwrap(), &login, &failed).is_none());
        let body = status(Forge::Gitea, &Repository::new("https://x/a/b").unwrap(), &login, &failed).unwrap().body;
        assert_eq!(body["description"].as_str().unwrap().chars().count(), DESCRIPTION_MAX);
    }
}
