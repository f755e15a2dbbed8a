//! Several environments follow: what is wrong with one says nothing about another, and production comes last.

use super::support::repository::{PUSHED, Repository, followed};
use super::support::wait_for;
use super::support::world::{World, free_port};
use seaworthy_host::files;
use serde_json::Value;
use std::time::Duration;

/// The subject at a version, with these tables instead of those of `dev` and `prod`.
fn with_environments(repository: &Repository, version: &str, environments: &str) -> String {
    let text = followed(&repository.url(), version, &[]);
    let head = text.split("\n[environments.").next().expect("a beginning");
    let head = format!("repository = \"{}\"\n{head}", repository.url());
    format!("{head}\n{environments}")
}

fn status(world: &World, environment: &str) -> String {
    world.run(&["status", environment]).expect(0).stdout
}

#[test]
fn a_branch_that_is_gone_keeps_no_other_waiting() {
    let world = World::following();
    let repository = Repository::new(&world);
    let environments = "[environments.dev]\nfollow = \"wild\"\n\n\
                        [environments.prod]\nfollow = \"main\"\nshift = [\"100%\"]\nbake = \"0s\"\n";
    world.write_manifest(&with_environments(&repository, "one", environments));
    repository.push(&world, "main");
    repository.share(&world, "wild");
    world.up();
    world.run(&["deploy", "prod"]).expect(0).says("prod follows main of");
    repository.remove(&world, "wild");
    wait_for("the problem", Duration::from_secs(30), || {
        status(&world, "dev").contains("has no branch `wild`").then_some(())
    });

    world.write_manifest(&with_environments(&repository, "two", environments));
    let commit = repository.push(&world, "main");
    let run = world.run_in("prod", "the end of the run", |run| run["commit"] == commit && run["state"] == "done");
    assert_eq!(run["outcome"], "deployed", "{run:#}");
    let dev = status(&world, "dev");
    assert!(dev.contains("has no branch `wild`") && dev.contains("help: push it"), "{dev}");
    let prod = status(&world, "prod");
    assert!(!prod.contains("wild"), "{prod}");

    repository.share(&world, "wild");
    let run = world.run_in("dev", "the end of the run", |run| run["commit"] == commit && run["state"] == "done");
    assert_eq!(run["outcome"], "deployed", "{run:#}");
    assert!(!status(&world, "dev").contains("has no branch"));
}

#[test]
fn production_comes_last_and_not_at_all_where_it_went_wrong_before() {
    let world = World::following();
    let repository = Repository::new(&world);
    let version = |version: &str, qa: &str| {
        let environments = format!(
            "[environments.check]\n\n[environments.dev]\n\n[environments.qa]\nfollow = \"main\"\nbake = \"0s\"\n{qa}\n\n\
             [environments.prod]\nfollow = \"main\"\nshift = [\"100%\"]\nbake = \"0s\"\n"
        );
        let text = with_environments(&repository, version, &environments);
        text.replace("env.VERSION", "env.FAIL = \"\"\nenv.VERSION")
    };
    world.write_manifest(&version("one", ""));
    repository.push(&world, "main");
    world.run(&["deploy", "qa"]).expect(0);
    world.run(&["deploy", "prod"]).expect(0);
    let ended = |commit: &str| {
        world.run_in("prod", "the end of the run", |run| run["commit"] == commit && run["state"] == "done")
    };

    world.write_manifest(&version("two", "services.web.env.FAIL = \"500\""));
    let bad = repository.push(&world, "main");
    let run = ended(&bad);
    assert_eq!(run["outcome"], "returned", "{run:#}");
    assert!(run["failure"]["message"].as_str().unwrap().starts_with("`qa`: "), "{run:#}");
    assert_eq!(
        (&run["arrivals"]["qa"]["outcome"], &run["arrivals"]["prod"]["outcome"]),
        (&"returned".into(), &"refused".into())
    );
    assert!(run["deployments"]["prod"].is_null(), "{run:#}");
    let (qa, prod) = (status(&world, "qa"), status(&world, "prod"));
    assert!(qa.contains(&format!("{} went back: ", &bad[..10])), "{qa}");
    let refused = format!("{} refused: it did not stay in `qa`, which comes first", &bad[..10]);
    assert!(prod.contains(&refused), "{prod}");
    let history = world.json(&["history", "prod"]);
    assert_eq!(history[0]["run"]["commit"], bad.as_str(), "{history:#}");
    assert_eq!(history.as_array().map(Vec::len), Some(2), "{history:#}");
    let runs = world.run(&["runs", "prod"]).expect(0).stdout;
    assert!(runs.contains("log `seaworthy logs qa`") && runs.contains("prod: refused: "), "{runs}");

    world.write_manifest(&version("three", ""));
    let run = ended(&repository.push(&world, "main"));
    assert_eq!(run["outcome"], "deployed", "{run:#}");
    let number = |environment: &str| run["deployments"][environment].as_u64().expect("a deployment");
    assert!(number("qa") < number("prod"), "{run:#}");
}

#[test]
fn an_app_has_one_manifest_for_all_that_follows() {
    let world = World::following();
    let repository = Repository::new(&world);
    let environments = "[environments.dev]\nfollow = \"main\"\nbake = \"0s\"\n\n\
                        [environments.prod]\nfollow = \"main\"\nshift = [\"100%\"]\nbake = \"0s\"\n";
    world.write_manifest(&with_environments(&repository, "one", environments));
    world.write("other.toml", &with_environments(&repository, "other", environments));
    repository.push(&world, "main");
    world.up();
    let other = ["deploy", "prod", "--file", "other.toml"];
    world.run(&other).expect(2).says("`subject`").says("--take-over");
    world.run(&[&other[..], &["--take-over"]].concat()).expect(0).says("`other.toml` counts for `dev` from now on");

    // One run for both: neither takes the other's place, and neither is of another source than the app's.
    world.write("other.toml", &with_environments(&repository, "another", environments));
    let commit = repository.push(&world, "main");
    let run = world.run_in("dev", "the end of the run", |run| run["commit"] == commit && run["state"] == "done");
    assert_eq!((&run["outcome"], &run["environments"]), (&"deployed".into(), &serde_json::json!(["dev", "prod"])));
    for environment in ["dev", "prod"] {
        let status = world.json(&["status", environment, "--file", "other.toml"])["environments"][0].clone();
        assert_eq!(
            (&status["commit"], &status["follow"]["follower"]["manifest"]),
            (&commit.as_str().into(), &"other.toml".into())
        );
    }
    assert_eq!(world.text("/version"), "another");
}

#[test]
fn a_command_is_told_whatever_became_of_a_webhook_and_of_an_environment_that_is_followed() {
    let world = World::following();
    let repository = Repository::new(&world);
    let nobody = free_port();
    let version = |version: &str, prod: &str| {
        let environments = format!(
            "[environments.check]\n\n[environments.dev]\nfollow = \"main\"\nbake = \"0s\"\n\
             notify = {{ command = [\"sh\", \"./tell.sh\"], webhook = \"http://127.0.0.1:{nobody}/hook\" }}\n\n\
             [environments.prod]\nfollow = \"dev\"\nsoak = \"1s\"\nshift = [\"100%\"]\nbake = \"0s\"\n\
             notify = {{ command = [\"sh\", \"./tell.sh\"] }}\n{prod}\n"
        );
        let text = with_environments(&repository, version, &environments);
        text.replace("env.VERSION", "env.FAIL = \"\"\nenv.VERSION")
    };
    // The home outlives the command, its checkout does not.
    world.write("tell.sh", "commit=$(git rev-parse HEAD)\ncat > told.json\nmv told.json \"$HOME/told-$commit.json\"\n");
    world.write_manifest(&version("one", ""));
    repository.push(&world, "main");
    world.up();
    world.run(&["deploy", "prod"]).expect(0);
    let folders = || std::fs::read_dir(world.home.join("delivery/subject")).into_iter().flatten().flatten();
    let told = |commit: &str| {
        wait_for("the command", PUSHED, || {
            let name = format!("home/told-{commit}.json");
            let text = folders().find_map(|folder| files::read(&folder.path().join(&name)).ok())?;
            serde_json::from_slice::<Value>(&text).ok()
        })
    };

    let broken = format!("{}\n[services.api]\nbild = 1\n[services.other]\nrum = 1\n", version("two", ""));
    world.write_manifest(&broken);
    let evidence = told(&repository.push(&world, "main"));
    assert_eq!((&evidence["environments"], &evidence["outcome"]), (&serde_json::json!(["dev"]), &"failed".into()));
    let lines = evidence["failure"]["evidence"].to_string();
    let line = 1 + broken.lines().position(|line| line == "bild = 1").unwrap();
    assert!(lines.contains(&format!("seaworthy.toml:{line}: ")), "{evidence:#}");
    assert!(lines.contains("`bild`") && lines.contains("`rum`") && lines.contains("help: "), "{evidence:#}");

    world.write_manifest(&version("three", "services.web.env.FAIL = \"500\""));
    let evidence = told(&repository.push(&world, "main"));
    assert_eq!((&evidence["environments"], &evidence["outcome"]), (&serde_json::json!(["prod"]), &"returned".into()));
    assert_eq!(evidence["follows"], "dev", "{evidence:#}");
    wait_for("the end of the checkout", Duration::from_secs(20), || {
        folders().all(|folder| !folder.path().join("told").exists()).then_some(())
    });
}
