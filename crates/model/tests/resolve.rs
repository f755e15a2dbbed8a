//! From releases and values to revisions.

mod common;

use common::{manifest, name, provenance, refused, release, rendered, revision, revision_of, try_revision};
use seaworthy_model::deployment::Rollout;
use seaworthy_model::resolve::only;
use std::time::Duration;

const INVOICES: &str = include_str!("manifests/invoices.toml");

#[test]
fn invoices_in_production() {
    insta::assert_json_snapshot!(revision(INVOICES, "prod"));
}

#[test]
fn production_shifts_in_steps_and_the_rest_at_once() {
    let seconds = Duration::from_secs;
    let production = Rollout { shift: vec![10, 50, 100], shift_every: seconds(30), bake: seconds(600) };
    assert_eq!(revision(INVOICES, "prod").rollout, production);
    let elsewhere = Rollout { shift: vec![100], shift_every: seconds(30), bake: seconds(0) };
    assert_eq!(revision(INVOICES, "dev").rollout, elsewhere);
    let own = "app = \"a\"\n[services.a]\nrun = [\"a\"]\n[environments.prod]\nshift = [\"100%\"]\nbake = \"0s\"\n";
    assert_eq!(revision(own, "prod").rollout, elsewhere);
}

#[test]
fn hosts_are_as_written_in_production_alone() {
    let text = "app = \"a\"\n[services.a]\nrun = [\"a\"]\n[routes.r]\nhost = \"a.example.com\"\nservice = \"a\"\n\
                [environments.prod]\n[environments.qa]\n[environments.demo]\nroutes.r.host = \"demo.example.com\"\n";
    let host = |environment| revision(text, environment).routes[&name("r")].host.clone();
    assert_eq!(host("prod"), "a.example.com");
    assert_eq!(host("qa"), "qa.a.example.com");
    assert_eq!(host("demo"), "demo.example.com");
    assert_eq!(host("dev"), "dev.a.example.com");
}

#[test]
fn replicas_come_from_the_nearest_place() {
    let text = "app = \"a\"\n[environments.prod]\nreplicas = 4\nservices.over.replicas = 5\nservices.single.replicas = 2\n\
                [services.over]\nrun = [\"a\"]\nreplicas = 3\n[services.own]\nrun = [\"a\"]\nreplicas = 3\n\
                [services.rest]\nrun = [\"a\"]\n[services.swap]\nrun = [\"a\"]\nupdate = \"replace\"\n\
                [services.fixed]\nrun = [\"a\"]\nport = 8080\nupdate = \"replace\"\n\
                [services.single]\nrun = [\"a\"]\nupdate = \"replace\"\n[services.worker]\nrun = [\"a\"]\nport = false\n";
    let prod = revision(text, "prod");
    let replicas = |service: &str| prod.pools[&name(service)].tuning.replicas;
    assert_eq!([replicas("over"), replicas("own"), replicas("rest"), replicas("worker")], [5, 3, 4, 4]);
    assert_eq!([replicas("swap"), replicas("fixed"), replicas("single")], [1, 1, 2]);
    assert_eq!(revision(text, "dev").pools[&name("rest")].tuning.replicas, 1);
}

#[test]
fn a_fixed_port_may_have_many_instances_in_a_sandbox() {
    let text = "app = \"a\"\n[services.a]\nrun = [\"a\"]\nport = 8080\n[services.b]\nrun = [\"b\"]\nport = 8080\n\
                [environments.prod]\nreplicas = 4\n";
    let prod = try_revision(text, "prod", true).unwrap_or_else(|errors| panic!("{}", rendered(&errors)));
    assert_eq!(prod.pools[&name("a")].tuning.replicas, 4);
    assert!(prod.not_enforced.is_empty());
}

#[test]
fn values_are_put_together() {
    let text = r#"
app = "a"
[services.a]
run = ["a"]
calls = ["b"]
volumes.data = "/data"
env.GREETING = "hello"
env.FULL = "${env.GREETING} ${env.WHO} from ${environment}"
env.WHO = { required = true }
env.COUNT = { required = true, type = "integer" }
env.LISTEN = "${env.HOST}:${env.PORT}"
env.B = "${b.url}/${volumes.data}/$${x}"
[services.b]
run = ["b"]
[environments.qa.services.a.env]
WHO = "qa"
GREETING = "hi"
COUNT = 7
"#;
    let qa = revision(text, "qa");
    let env = &qa.pools[&name("a")].env;
    let shown: Vec<String> = env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        shown,
        [
            "B=${b.url}/${volumes.data}/$${x}",
            "COUNT=7",
            "FULL=hi qa from qa",
            "GREETING=hi",
            "LISTEN=${env.HOST}:${env.PORT}",
            "WHO=qa"
        ]
    );
    insta::assert_snapshot!(refused(text, "dev"));
}

#[test]
fn a_value_knows_its_release() {
    let text = "app = \"a\"\n[services.a]\nrun = [\"a\"]\nenv.VERSION = \"${release}\"\n";
    let dev = revision(text, "dev");
    assert_eq!(dev.pools[&name("a")].env["VERSION"].as_literal().as_deref(), Some(dev.release.short()));
}

#[test]
fn a_value_cannot_grow_without_end() {
    let mut text = "app = \"a\"\n[services.a]\nrun = [\"a\"]\nenv.V0 = \"0123456789\"\n".to_owned();
    for step in 1..64 {
        text.push_str(&format!("env.V{step} = \"${{env.V{0}}}${{env.V{0}}}\"\n", step - 1));
    }
    let errors = try_revision(&text, "dev", false).expect_err("2^64 bytes");
    assert_eq!(errors.len(), 1, "the ones that depend on it say nothing: {}", rendered(&errors));
    assert!(errors[0].message.contains("longer than 131071 bytes"), "{}", errors[0].message);
}

#[test]
fn a_long_chain_of_values_is_followed() {
    let mut text = "app = \"a\"\n[services.a]\nrun = [\"a\"]\nenv.V20000 = \"end\"\n".to_owned();
    for step in 0..20_000 {
        text.push_str(&format!("env.V{step} = \"${{env.V{}}}\"\n", step + 1));
    }
    let dev = revision(&text, "dev");
    assert_eq!(dev.pools[&name("a")].env["V0"].as_literal().as_deref(), Some("end"));
}

#[test]
fn what_is_not_built_yet_is_refused_or_named() {
    let refusals = r#"
app = "a"
[services.a]
run = ["a"]
env.TOKEN = { secret = "token" }
[environments.prod]
target = "kubernetes"
isolation = "sandbox"
"#;
    insta::assert_snapshot!("refused", refused(refusals, "prod"));
    let names = r#"
app = "a"
[services.a]
run = ["a"]
base = ["python3"]
calls = ["b"]
egress = ["db.example.com:5432"]
memory = "1GB"
checks = [{ file = "a.hurl", every = "30s" }]
[services.b]
run = ["b"]
callers = ["a"]
[environments.prod]
services.b.cpu = 0.5
"#;
    insta::assert_snapshot!("not_enforced", revision(names, "prod").not_enforced.join("\n"));
}

#[test]
fn an_environment_without_isolation_says_so_every_time() {
    let text = "app = \"a\"\n[services.a]\nrun = [\"a\"]\n[environments.dev]\nisolation = \"none\"\n";
    let dev = try_revision(text, "dev", true).unwrap_or_else(|errors| panic!("{}", rendered(&errors)));
    let said = "`isolation = \"none\"`: nothing keeps services apart from each other and from the machine";
    assert_eq!(dev.not_enforced, [said]);
    assert!(dev.pools[&name("a")].sandbox.is_none());
}

#[test]
fn fixed_ports_without_a_sandbox() {
    let text = "app = \"a\"\n[services.a]\nrun = [\"a\"]\nport = 8080\n[services.b]\nrun = [\"b\"]\nport = 8080\n\
                update = \"replace\"\nreplicas = 2\n";
    insta::assert_snapshot!(refused(text, "dev"));
}

#[test]
fn an_unknown_environment_is_refused() {
    insta::assert_snapshot!(refused(INVOICES, "staging"));
}

#[test]
fn only_some_services_change() {
    let manifest = manifest(INVOICES);
    let running = release(&manifest);
    let mut new = running.clone();
    for service in new.services.values_mut() {
        service.image = seaworthy_model::Digest::of(b"new");
    }
    let mixed = only(&new, &running, &[name("payment-provider")]).expect("possible");
    assert_eq!(mixed.services[&name("payment-provider")], new.services[&name("payment-provider")]);
    assert_eq!(mixed.services[&name("invoice-app")], running.services[&name("invoice-app")]);

    let mut first = running;
    first.services.remove(&name("payment-provider"));
    insta::assert_snapshot!(rendered(&only(&new, &first, &[name("invoice-app"), name("other")]).expect_err("refused")));
}

#[test]
fn a_job_goes_with_its_service_and_stays_in_its_environments() {
    const JOBS: &str = r#"
        app = "shop"
        services.web.run = ["./web"]
        services.api.run = ["./api"]
        jobs.remind = { service = "web", run = ["./web", "remind"], schedule = "@daily" }
        jobs.tidy = { service = "api", run = ["./api", "tidy"], schedule = "@hourly", environments = ["prod"] }
        environments.prod = {}
    "#;
    let manifest = manifest(JOBS);
    let running = release(&manifest);
    let jobs = |environment| revision(JOBS, environment).jobs.into_keys().collect::<Vec<_>>();
    assert_eq!((jobs("dev"), jobs("prod")), (vec![name("remind")], vec![name("remind"), name("tidy")]));

    let mut new = running.clone();
    new.jobs.remove(&name("remind"));
    for job in new.jobs.values_mut() {
        job.schedule = "@weekly".to_owned();
    }
    assert_eq!(
        only(&new, &running, &[name("web")]).expect("possible").jobs.into_keys().collect::<Vec<_>>(),
        [name("tidy")]
    );
    let mixed = only(&new, &running, &[name("api")]).expect("possible").jobs;
    assert_eq!((mixed.len(), mixed[&name("tidy")].schedule.as_str()), (2, "@weekly"));
}

#[test]
fn a_revision_depends_on_nothing_else() {
    let manifest = manifest(INVOICES);
    let (one, two) = (release(&manifest), release(&manifest));
    assert_eq!(revision_of(&one, &manifest, "prod", false), revision_of(&two, &manifest, "prod", false));
    assert_eq!(revision(INVOICES, "prod").provenance, provenance());
}

#[test]
fn another_team_must_agree_also_where_two_commits_are_mixed() {
    let manifest = manifest(INVOICES);
    let mut mixed = release(&manifest);
    let callee = mixed.services.get_mut(&name("payment-provider")).unwrap();
    callee.service.callers.clear();
    // Where nothing holds it, it is only named.
    assert!(revision_of(&mixed, &manifest, "dev", false).is_ok());
    let errors = revision_of(&mixed, &manifest, "dev", true).unwrap_err();
    insta::assert_snapshot!(rendered(&errors), @r#"
    error: `payment-provider` belongs to team `payments`, which does not let `invoice-app` call it
    help: add `callers = ["invoice-app"]` to `[services.payment-provider]`
    "#);
}
