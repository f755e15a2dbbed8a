//! No plan lets anybody down, wherever it stops.

mod support;

use proptest::prelude::*;
use seaworthy_deploy::Step;
use seaworthy_deploy::invariants::{Broken, check};
use seaworthy_deploy::plan::{Phase, Plan};
use seaworthy_model::deployment::Verb;
use support::{Wish, deploy, plan_for, revision, running, states};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_plan_is_safe_at_every_point_and_on_the_way_back((verb, state, to) in states()) {
        let plan = plan_for(verb, &state, to.as_ref());
        if let Err(broken) = check(&plan) {
            let source = std::error::Error::source(&broken).map(ToString::to_string).unwrap_or_default();
            return Err(TestCaseError::fail(format!("{broken}: {source}\n{}", shown(&plan))));
        }
    }

    #[test]
    fn a_plan_is_the_same_after_a_trip_through_its_document((verb, state, to) in states()) {
        let plan = plan_for(verb, &state, to.as_ref());
        let document = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(serde_json::from_str::<Plan>(&document).unwrap(), plan);
    }
}

fn shown(plan: &Plan) -> String {
    let group = |group: &seaworthy_deploy::plan::Group| {
        let steps: Vec<String> = group.steps.iter().map(ToString::to_string).collect();
        format!("{:?} {} | {:?}", group.phase, steps.join(" + "), group.traffic)
    };
    plan.groups.iter().map(group).collect::<Vec<_>>().join("\n")
}

fn kinds(plan: &Plan) -> Vec<&'static str> {
    plan.groups.iter().flat_map(|group| &group.steps).map(Step::kind).collect()
}

#[test]
fn a_first_deployment_starts_smokes_and_shifts_at_once() {
    let to = revision(1, &[("web", Wish::version(1).before(true))]);
    let plan = deploy(&seaworthy_deploy::planner::EnvironmentState::default(), Some(&to));
    assert_eq!(kinds(&plan), ["before", "start", "healthy", "smoke", "shift"]);
    check(&plan).unwrap();
}

#[test]
fn what_did_not_change_is_kept_and_the_rest_goes_step_by_step() {
    let from =
        revision(1, &[("api", Wish::version(1)), ("web", Wish::version(1)), ("jobs", Wish::version(1).worker())]);
    let to = revision(2, &[("api", Wish::version(1)), ("web", Wish::version(2)), ("jobs", Wish::version(2).worker())]);
    let plan = deploy(&running(&from), Some(&to));
    assert_eq!(plan.kept.len(), 1);
    insta::assert_snapshot!(plan.lines().join("\n"), @r"
    start `jobs` x 1
    start `web` x 1
    wait until `jobs` is healthy
    wait until `web` is healthy
    run 4 smoke checks against revision 2
    shift traffic: 10% to revision 2, for 30s
    shift traffic: 50% to revision 2, for 30s
    shift traffic: 100% to revision 2
    stop the old `jobs`
    bake for 10m, going back if it fails
    drain `web-v1`, at most 30s
    stop `web-v1`
    ");
}

#[test]
fn a_service_that_is_replaced_changes_over_while_its_requests_wait() {
    let from = revision(1, &[("legacy", Wish::version(1).replace()), ("web", Wish::version(1).calls("legacy"))]);
    let to = revision(2, &[("legacy", Wish::version(2).replace()), ("web", Wish::version(1).calls("legacy"))]);
    let plan = deploy(&running(&from), Some(&to));
    insta::assert_snapshot!(plan.lines().join("\n"), @r"
    start `web` x 1
    wait until `web` is healthy
    hold the requests of `legacy`, at most 30s
    stop the old `legacy`
    start `legacy` x 1
    wait until `legacy` is healthy
    run 4 smoke checks against revision 2
    let the requests of `legacy` go
    shift traffic: 10% to revision 2, for 30s
    shift traffic: 50% to revision 2, for 30s
    shift traffic: 100% to revision 2
    bake for 10m, going back if it fails
    drain `web-v1-b3e4c6b3d3ed`, at most 30s
    stop `web-v1-b3e4c6b3d3ed`
    ");
    assert_eq!(
        plan.notes,
        ["`legacy` is replaced: its requests wait meanwhile, after 30s they are answered 503 with Retry-After"]
    );
}

#[test]
fn nothing_but_numbers_and_routes_starts_nothing() {
    let from = revision(1, &[("web", Wish::version(1).replicas(3))]);
    let mut to = revision(2, &[("web", Wish::version(1).replicas(1))]);
    to.routes.clear();
    let plan = deploy(&running(&from), Some(&to));
    assert_eq!(kinds(&plan), ["smoke", "shift", "bake", "scale"]);
    let grown = deploy(&running(&to), Some(&from));
    assert_eq!(kinds(&grown), ["scale", "healthy", "smoke", "shift", "bake"]);
}

#[test]
fn an_irreversible_migration_shifts_at_once_and_bakes_without_going_back() {
    let from = revision(1, &[("web", Wish::version(1))]);
    let to = revision(2, &[("web", Wish::version(2).before(false))]);
    let plan = deploy(&running(&from), Some(&to));
    assert!(plan.is_irreversible());
    assert_eq!(kinds(&plan), ["before", "start", "healthy", "smoke", "shift", "bake", "drain", "stop"]);
    assert!(plan.groups.iter().flat_map(|g| &g.steps).any(|s| matches!(s, Step::Bake { returns: false, .. })));
    assert!(plan.notes.iter().any(|note| note.contains("not reversible")));
}

#[test]
fn a_rollback_runs_no_migration_and_does_not_dally() {
    let from = revision(2, &[("web", Wish::version(2).before(true))]);
    let to = revision(1, &[("web", Wish::version(1).before(true))]);
    let plan = plan_for(Verb::Rollback, &running(&from), Some(&to));
    assert_eq!(kinds(&plan), ["start", "healthy", "smoke", "shift", "bake", "drain", "stop"]);
}

#[test]
fn the_revision_that_runs_already_has_nothing_to_do() {
    let one = revision(1, &[("web", Wish::version(1))]);
    let plan = plan_for(Verb::Rollback, &running(&one), Some(&one));
    assert!(plan.is_no_change() && plan.groups.is_empty());
}

#[test]
fn down_takes_the_routes_away_first() {
    let from = revision(1, &[("web", Wish::version(1))]);
    assert_eq!(kinds(&deploy(&running(&from), None)), ["withdraw", "drain", "stop"]);
}

#[test]
fn the_checker_catches_a_planner_that_is_wrong() {
    let from = revision(1, &[("web", Wish::version(1)), ("legacy", Wish::version(1).replace())]);
    let to = revision(2, &[("web", Wish::version(2)), ("legacy", Wish::version(2).replace())]);
    let good = deploy(&running(&from), Some(&to));
    check(&good).unwrap();
    let position = |kind: &str| good.groups.iter().position(|g| g.steps.iter().any(|s| s.kind() == kind)).unwrap();
    let broken = |change: &dyn Fn(&mut Plan)| {
        let mut plan = good.clone();
        change(&mut plan);
        match check(&plan) {
            Err(Broken::At { source, .. }) => *source,
            Err(other) => other,
            Ok(()) => panic!("nobody noticed:\n{}", shown(&plan)),
        }
    };
    // Every single group matters.
    for index in 0..good.groups.len() {
        let is_pause = good.groups[index].steps.iter().all(|s| matches!(s, Step::Bake { .. }));
        let is_step = matches!(good.groups[index].steps[..], [Step::Shift { weight: 1..100, .. }]);
        if !is_pause && !is_step {
            broken(&|plan| drop(plan.groups.remove(index)));
        }
    }
    // So does their order.
    assert!(matches!(broken(&|p| p.groups.swap(position("healthy"), position("start"))), Broken::NotHealthy(_)));
    assert!(matches!(broken(&|p| p.groups.swap(position("drain"), position("stop"))), Broken::NotDrained(_)));
    assert!(matches!(
        broken(&|p| {
            let smoke = p.groups.remove(position("smoke"));
            p.groups.insert(position("bake") - 1, smoke);
        }),
        Broken::NotSmoked(_) | Broken::OutOfPlace(_)
    ));
    assert!(matches!(broken(&|p| p.groups[position("shift")].traffic.shares[0].weight = 80), Broken::Weights(_)));
    assert!(matches!(broken(&|p| p.groups.swap(position("hold"), position("stop-now"))), Broken::StillUsed(_)));
    let early = broken(&|p| {
        let stop = p.groups.pop().unwrap();
        p.groups.insert(0, stop);
    });
    assert!(matches!(early, Broken::Unannounced(100)), "{early:?}");
    assert!(good.groups.iter().any(|group| group.phase == Phase::Settle));
}

#[test]
fn only_what_nothing_looks_at_before_users_do_is_worth_a_word() {
    let mut to = revision(1, &[("web", Wish::version(1))]);
    let look = to.routes.values().next().expect("a route").checks[0].clone();
    let pay = seaworthy_model::release::Check { file: "pay.hurl".into(), methods: vec!["POST".into()], ..look.clone() };
    let mut notes = |checks: Vec<_>| {
        to.routes.values_mut().for_each(|route| route.checks = checks.clone());
        deploy(&seaworthy_deploy::planner::EnvironmentState::default(), Some(&to)).notes
    };
    assert!(notes(vec![look, pay.clone()]).is_empty(), "that one of them is for other stages is no news");
    let said = notes(vec![pay]);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("no check of `web` runs before users reach it: `pay.hurl`"), "{said:?}");
}
