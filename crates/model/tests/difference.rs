//! What `plan` and `diff` say.

mod common;

use common::{manifest, name, release, revision, revision_of};
use seaworthy_model::difference::difference;

const BEFORE: &str = r#"
app = "shop"
[services.web]
run = ["./web"]
calls = ["api"]
env.GREETING = "hello"
env.OLD = "x"
env.API = "${api.url}"
checks = ["a.hurl", "b.hurl"]
[services.api]
run = ["./api"]
volumes.data = "/data"
[services.gone]
run = ["./gone"]
[routes.web]
host = "shop.localhost"
service = "web"
[routes.old]
host = "old.localhost"
service = "web"
[jobs.nightly]
service = "web"
run = ["./web", "remind"]
schedule = "30 3 * * *"
[jobs.old]
service = "api"
run = ["./api", "tidy"]
schedule = "@hourly"
[environments.prod]
replicas = 2
[environments.qa]
"#;

const AFTER: &str = r#"
app = "shop"
[services.web]
run = ["./web", "--fast"]
calls = ["api"]
health = "/healthz"
grace = "20s"
env.GREETING = "hi \"you\""
env.NEW = "${environment}"
env.API = "${api.url}"
checks = ["b.hurl", "c.hurl"]
[services.api]
run = ["./api"]
before = ["./api", "migrate"]
volumes.data = "/srv/data"
port = 8080
update = "replace"
[services.fresh]
run = ["./fresh"]
[routes.web]
host = "shop.localhost"
path = "/shop"
fanout = ["web", "fresh"]
timeout = "1s"
sticky = "s"
[routes.fresh]
host = "fresh.localhost"
service = "fresh"
[jobs.nightly]
service = "api"
run = ["./api", "remind"]
schedule = "0 4 * * *"
timezone = "Europe/Zurich"
time_limit = "5m"
[jobs.fresh]
service = "web"
run = ["./web", "tidy"]
schedule = "*/5 * * * *"
[environments.prod]
replicas = 3
bake = "1h"
shift = ["100%"]
"#;

#[test]
fn two_revisions_of_one_environment() {
    let (before, after) = (revision(BEFORE, "prod"), revision(AFTER, "prod"));
    let difference = difference(Some(&before), &after);
    insta::assert_snapshot!(difference.lines().join("\n"));
    let json = serde_json::to_string(&difference).expect("data");
    assert_eq!(serde_json::from_str::<seaworthy_model::difference::Difference>(&json).expect("data"), difference);
}

#[test]
fn the_first_revision() {
    insta::assert_snapshot!(difference(None, &revision(BEFORE, "prod")).lines().join("\n"));
}

#[test]
fn two_environments() {
    let (qa, prod) = (revision(BEFORE, "qa"), revision(BEFORE, "prod"));
    insta::assert_snapshot!(difference(Some(&qa), &prod).lines().join("\n"));
}

#[test]
fn nothing_differs_from_itself() {
    let prod = revision(BEFORE, "prod");
    assert!(difference(Some(&prod), &prod).is_empty());
}

#[test]
fn a_caller_says_why_it_restarts() {
    let manifest = manifest(BEFORE);
    let mut release = release(&manifest);
    let before = revision_of(&release, &manifest, "prod", false).expect("resolves");
    release.services.get_mut(&name("api")).expect("there").image = seaworthy_model::Digest::of(b"new");
    let after = revision_of(&release, &manifest, "prod", false).expect("resolves");
    insta::assert_snapshot!(difference(Some(&before), &after).lines().join("\n"));
}
