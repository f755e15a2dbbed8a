use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use seaworthy_model::release::Compare;

/// What a service says: a status and one of few bodies.
type Said = (u16, &'static str);

fn ballot(said: &Said) -> Ballot {
    Ballot::of_answer(said.0, &Bytes::from_static(said.1.as_bytes()), Compare::Body)
}

fn said() -> impl Strategy<Value = Said> {
    (prop_oneof![4 => Just(200), 1 => Just(404), 2 => Just(503)], prop_oneof![Just("hi"), Just("ho"), Just("lie")])
}

/// What each service says, and an order in which they arrive.
fn arrivals() -> impl Strategy<Value = (Vec<Said>, Vec<usize>)> {
    proptest::collection::vec(said(), 1..8).prop_flat_map(|said| {
        let order: Vec<usize> = (0..said.len()).collect();
        (Just(said), Just(order).prop_shuffle())
    })
}

fn run(rule: Answer, said: &[Said], order: &[usize]) -> (Verdict, usize) {
    let mut decision = Decision::new(rule, said.len());
    for (count, service) in order.iter().enumerate() {
        let verdict = decision.cast(*service, ballot(&said[*service]));
        if verdict != Verdict::Open {
            return (verdict, count + 1);
        }
    }
    (decision.expire(), order.len())
}

/// What at least so many say, 5xx not counted.
fn said_by(said: &[Said], count: usize) -> Option<Said> {
    said.iter().find(|one| one.0 < 500 && said.iter().filter(|other| other == one).count() >= count).copied()
}

proptest! {
    #[test]
    fn a_majority_wins_in_every_order_and_nothing_else_does((said, order) in arrivals()) {
        let (verdict, _) = run(Answer::Quorum, &said, &order);
        let won = match verdict {
            Verdict::Answer(service) => Some(said[service]),
            other => { prop_assert_eq!(other, Verdict::None); None }
        };
        prop_assert_eq!(won, said_by(&said, said.len() / 2 + 1));
    }

    #[test]
    fn a_quorum_is_decided_as_soon_as_it_can_be((said, order) in arrivals()) {
        let (verdict, arrived) = run(Answer::Quorum, &said, &order);
        let majority = said.len() / 2 + 1;
        let seen = |count: usize| order[..count].iter().map(|service| said[*service]).collect::<Vec<_>>();
        let most = |votes: &[Said]| {
            let valid = votes.iter().filter(|vote| vote.0 < 500);
            valid.map(|vote| votes.iter().filter(|other| other == &vote).count()).max().unwrap_or(0)
        };
        let decided = |count: usize| {
            let most = most(&seen(count));
            most >= majority || most + said.len() - count < majority
        };
        prop_assert!(decided(arrived), "decided too early: {verdict:?}");
        prop_assert!(arrived == 1 || !decided(arrived - 1), "decided too late: {verdict:?}");
    }

    #[test]
    fn a_minority_of_liars_and_dead_never_changes_the_answer(
        services in 1usize..9, lies in proptest::collection::vec(said(), 4), dead in 0usize..5, seed: u64,
    ) {
        let minority = (services - 1) / 2;
        let mut said = vec![(200, "hi"); services];
        for (place, lie) in lies.iter().take(minority).enumerate() {
            said[(place + seed as usize % services) % services] = if place < dead { (503, "") } else { *lie };
        }
        let mut order: Vec<usize> = (0..services).collect();
        order.rotate_left(seed as usize % services);
        let (verdict, _) = run(Answer::Quorum, &said, &order);
        let Verdict::Answer(service) = verdict else { return Err(TestCaseError::fail(format!("{verdict:?}"))) };
        prop_assert_eq!(said[service], (200, "hi"));
    }

    #[test]
    fn the_answer_is_the_earliest_declared_of_the_agreeing_at_hand((said, order) in arrivals()) {
        let (verdict, arrived) = run(Answer::Quorum, &said, &order);
        if let Verdict::Answer(service) = verdict {
            let earliest = order[..arrived].iter().filter(|other| said[**other] == said[service]).min();
            prop_assert_eq!(Some(&service), earliest);
        }
    }

    #[test]
    fn nothing_changes_after_the_verdict(
        (said, order) in arrivals(),
        rule in prop_oneof![Just(Answer::First), Just(Answer::Quorum), Just(Answer::All)],
    ) {
        let mut decision = Decision::new(rule, said.len());
        let mut verdict = Verdict::Open;
        for service in order {
            let next = decision.cast(service, ballot(&said[service]));
            prop_assert!(verdict == Verdict::Open || next == verdict);
            prop_assert_eq!(decision.cast(service, Ballot::Abstention), next, "a second ballot counted");
            verdict = next;
        }
        prop_assert_ne!(verdict, Verdict::Open);
        prop_assert_eq!(decision.expire(), verdict);
    }

    #[test]
    fn the_first_success_wins_at_once((said, order) in arrivals()) {
        let (verdict, arrived) = run(Answer::First, &said, &order);
        match order.iter().position(|service| said[*service].0 < 400) {
            Some(first) => prop_assert_eq!((verdict, arrived), (Verdict::Answer(order[first]), first + 1)),
            None => {
                let no = said.iter().position(|one| one.0 < 500);
                prop_assert_eq!(verdict, no.map_or(Verdict::None, Verdict::Answer));
            }
        }
    }

    #[test]
    fn all_waits_for_all((said, order) in arrivals()) {
        let (verdict, arrived) = run(Answer::All, &said, &order);
        prop_assert_eq!(arrived, said.len());
        let any = said.iter().any(|one| one.0 < 500);
        prop_assert_eq!(verdict, if any { Verdict::Together } else { Verdict::None });
    }
}

#[test]
fn no_majority_is_possible_as_soon_as_too_many_abstain() {
    let mut decision = Decision::new(Answer::Quorum, 5);
    assert_eq!(decision.cast(0, Ballot::Abstention), Verdict::Open);
    assert_eq!(decision.cast(3, Ballot::Abstention), Verdict::Open);
    assert_eq!(decision.cast(1, Ballot::Abstention), Verdict::None);
}

#[test]
fn half_is_no_majority() {
    let said = [(200, "hi"), (200, "hi"), (200, "ho"), (200, "ho")];
    assert_eq!(run(Answer::Quorum, &said, &[0, 2, 1, 3]), (Verdict::None, 4));
}

#[test]
fn who_disagrees_is_known_after_the_verdict() {
    let mut decision = Decision::new(Answer::Quorum, 5);
    for service in [4, 1, 2] {
        decision.cast(service, ballot(&(200, "hi")));
    }
    assert_eq!(decision.verdict(), Verdict::Answer(1));
    decision.cast(0, ballot(&(200, "lie")));
    decision.cast(3, Ballot::Abstention);
    let agrees: Vec<_> = (0..5).map(|service| decision.agrees(service)).collect();
    assert_eq!(agrees, [Some(false), Some(true), Some(true), None, Some(true)]);
}

#[test]
fn nothing_declared_decides_nothing() {
    assert_eq!(Decision::new(Answer::All, 0).verdict(), Verdict::None);
}

#[test]
fn comparing_by_json_and_by_status() {
    let of =
        |status, body: &'static str, compare| Ballot::of_answer(status, &Bytes::from_static(body.as_bytes()), compare);
    assert_eq!(of(200, r#"{"a":1,"b":2}"#, Compare::Json), of(200, r#"{"b": 2, "a": 1}"#, Compare::Json));
    assert_ne!(of(200, r#"{"a":1}"#, Compare::Json), of(201, r#"{"a":1}"#, Compare::Json));
    assert_eq!(of(200, "no json", Compare::Json), of(200, "no json", Compare::Json));
    assert_ne!(of(200, r#"{"a":1,"a":1}"#, Compare::Json), of(200, r#"{"a":1}"#, Compare::Json));
    assert_eq!(of(200, "one", Compare::Status), of(200, "another", Compare::Status));
    assert_eq!(of(500, "one", Compare::Status), Ballot::Abstention);
}
