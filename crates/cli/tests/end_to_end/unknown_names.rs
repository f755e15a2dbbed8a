//! Environments that there are not: a slip of the fingers is told at once, whatever the verb.

use crate::printed::Terminal;
use crate::support::manifest::{Service, app, small};
use crate::support::processes::Role;
use crate::support::world::World;

#[test]
fn an_environment_that_there_is_not_is_refused_before_anything_is_done() {
    let slow = Service::web("web", "one").line("build = \"echo built\"");
    let world = World::with(&app(&[slow], &[]));
    world.commit();
    let mut terminal = Terminal::new(world);
    for verb in ["deploy", "up", "plan"] {
        terminal.types(&[verb, "prdo"]);
    }
    assert_eq!(terminal.world.count(Role::Node), 0, "it was refused before any node was asked");
    terminal.types(&["deploy", "somewhere"]);
    for words in [
        &["down", "prdo"][..],
        &["status", "prdo"],
        &["logs", "prdo"],
        &["rollback", "prdo"],
        &["history", "prdo"],
        &["open", "prdo"],
        &["jobs", "prdo"],
        &["runs", "prdo"],
        &["diff", "dev", "prdo"],
        &["promote", "prdo", "prod"],
        &["exec", "prdo", "web", "--", "./subject"],
        &["run", "prdo", "web", "--", "./subject"],
        &["down", "prdo", "--app", "other", "--json"],
        // These there are: one is declared, the other needs no declaring.
        &["down", "prod"],
        &["history", "dev"],
    ] {
        terminal.types(words);
    }
    terminal.assert("unknown_environments");
}

#[test]
fn what_is_not_declared_any_more_and_still_runs_can_be_looked_at_and_taken_down() {
    let world = World::with(&(small("one") + "\n[environments.qa]\n"));
    world.commit();
    world.run(&["up", "qa"]).expect(0);
    world.write_manifest(&small("one"));
    world.run(&["deploy", "qa"]).expect(2).says("it has `dev`, `prod`");
    for words in [&["status", "qa"][..], &["logs", "qa"], &["history", "qa"], &["open", "qa"], &["down", "qa"]] {
        world.run(words).expect(0);
    }
    assert_eq!(world.count(Role::Program), 0);
    world.run(&["down", "qb"]).expect(2).says("it has `dev`, `prod`, `qa`");
}
