use super::*;
use crate::http1::{Method, ResponseDecoder, ResponseHead};
use crate::limits::Limits;
use crate::pool::{EndpointState, PoolState};
use seaworthy_model::Name;
use seaworthy_model::release::{Compare, Fanout};
use seaworthy_model::routing::Pool;
use seaworthy_model::service::Protocol;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_millis(500);

/// How one service behaves: after so many milliseconds it answers so, or fails.
#[derive(Clone, Copy)]
enum Service {
    Answers(u64, u16, &'static str),
    Fails(u64, LegError),
    Hangs,
}
use Service::{Answers, Fails, Hangs};

struct Services(Vec<Service>);

impl Ask for Services {
    fn is_repeatable(&self) -> bool {
        true
    }

    async fn ask(&self, pool: &Arc<PoolState>, _deadline: Instant) -> Result<BufferedAnswer, LegError> {
        let service: usize = pool.id().parse().expect("a number");
        match self.0[service] {
            Answers(after, status, body) => {
                tokio::time::sleep(Duration::from_millis(after)).await;
                let endpoint = Arc::new(EndpointState::new("x", std::net::SocketAddr::from(([127, 0, 0, 1], 1))));
                Ok(BufferedAnswer { head: head(status, service), body: Bytes::from_static(body.as_bytes()), endpoint })
            }
            Fails(after, error) => {
                tokio::time::sleep(Duration::from_millis(after)).await;
                Err(error)
            }
            Hangs => std::future::pending().await,
        }
    }
}

fn head(status: u16, service: usize) -> ResponseHead {
    let text = format!("HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nX-From: {service}\r\n\r\n");
    let mut head = ResponseHead::default();
    ResponseDecoder::default().decode(text.as_bytes(), &Limits::DEFAULT, Method::Get, &mut head).unwrap().unwrap();
    head
}

fn pool(held: Option<Duration>) -> Pool {
    let drain = Duration::ZERO;
    Pool { label: String::new(), protocol: Protocol::Http, endpoints: Vec::new(), health_path: None, held, drain }
}

fn plan(answer: Answer, services: usize) -> Arc<FanoutPlan> {
    let names = (0..services).map(|service| format!("s{service}").parse::<Name>().expect("a name"));
    let fanout = Fanout {
        services: names.collect(),
        answer,
        deadline: DEADLINE,
        compare: Compare::Body,
        methods: vec!["GET".to_owned()],
    };
    Arc::new(FanoutPlan::new(fanout, (0..services).map(|service| PoolState::new(&service.to_string())).collect()))
}

async fn run(plan: &Arc<FanoutPlan>, services: &[Service]) -> (FanoutEnd, Duration) {
    let started = Instant::now();
    let end = execute(plan, &Arc::new(Services(services.to_vec())), &mut Patience::new(false)).await;
    (end, started.elapsed())
}

fn answer(end: &FanoutEnd) -> (u16, &[u8], &[u8]) {
    let FanoutEnd::Answer(answer) = end else { panic!("{end:?}") };
    (answer.head.status, &answer.body, answer.head.fields().get("x-from").unwrap())
}

fn document(end: &FanoutEnd) -> (u16, serde_json::Value) {
    let FanoutEnd::Document { status, body } = end else { panic!("{end:?}") };
    (*status, serde_json::from_slice(body).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_quorum_does_not_wait_for_the_hung_and_the_liar() {
    let plan = plan(Answer::Quorum, 5);
    let services =
        [Hangs, Answers(30, 200, "hi"), Answers(1, 200, "lie"), Answers(20, 200, "hi"), Answers(10, 200, "hi")];
    let (end, took) = run(&plan, &services).await;
    assert_eq!(answer(&end), (200, &b"hi"[..], &b"1"[..]));
    assert!(took < Duration::from_millis(40), "{took:?}");
    tokio::time::sleep(DEADLINE * 2).await;
    let tallies = plan.pools.iter().map(|p| (p.fanout.disagreed(), p.fanout.failed(), p.fanout.late()));
    assert_eq!(tallies.collect::<Vec<_>>(), [(0, 0, 1), (0, 0, 0), (1, 0, 0), (0, 0, 0), (0, 0, 0)]);
    let counted: Vec<_> = plan.pools.iter().map(|pool| pool.counted()).collect();
    assert_eq!(counted, [(1, 1), (1, 0), (1, 0), (1, 0), (1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_the_verdict_is_counted_too() {
    let plan = plan(Answer::Quorum, 3);
    let services = [Answers(50, 200, "lie"), Answers(1, 200, "hi"), Answers(2, 200, "hi")];
    let (end, took) = run(&plan, &services).await;
    assert_eq!(answer(&end).2, b"1");
    assert!(took < Duration::from_millis(10), "{took:?}");
    tokio::time::sleep(DEADLINE).await;
    assert_eq!(plan.pools[0].fanout.disagreed(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_quorum_it_says_who_answered_what() {
    let plan = plan(Answer::Quorum, 5);
    let services = [
        Answers(1, 200, "hi"),
        Answers(2, 503, "busy"),
        Fails(3, LegError::Failed("not reached")),
        Answers(4, 200, "ho"),
        Answers(5, 200, "hi"),
    ];
    let (end, took) = run(&plan, &services).await;
    assert!(took < Duration::from_millis(10), "{took:?}");
    let (status, body) = document(&end);
    assert_eq!(status, 502);
    insta::assert_json_snapshot!(body);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_bounds_it() {
    let plan = plan(Answer::Quorum, 3);
    let (end, took) = run(&plan, &[Hangs, Hangs, Answers(1, 200, "hi")]).await;
    assert_eq!(took, DEADLINE);
    let (status, body) = document(&end);
    assert_eq!((status, &body["services"][2]["excerpt"]), (502, &"hi".into()));
}

#[tokio::test(start_paused = true)]
async fn the_first_success_is_the_answer() {
    let plan = plan(Answer::First, 3);
    let services = [Answers(20, 200, "slow"), Answers(1, 500, "no"), Answers(10, 201, "fast")];
    let (end, _) = run(&plan, &services).await;
    assert_eq!(answer(&end), (201, &b"fast"[..], &b"2"[..]));
}

#[tokio::test(start_paused = true)]
async fn all_are_in_the_declared_order() {
    let plan = plan(Answer::All, 4);
    let services =
        [Answers(30, 200, "{\"b\":1,\"a\":2}"), Answers(20, 404, "no json"), Hangs, Answers(1, 500, "\"x\"")];
    let (end, took) = run(&plan, &services).await;
    assert_eq!(took, DEADLINE);
    let (status, body) = document(&end);
    assert_eq!(status, 200);
    insta::assert_json_snapshot!(body);
}

#[tokio::test(start_paused = true)]
async fn a_held_minority_does_not_hold_a_quorum_and_a_held_majority_waits_for_the_next_table() {
    let plan = plan(Answer::Quorum, 3);
    let services = [Fails(1, LegError::Rerouted), Answers(1, 200, "hi"), Answers(1, 200, "hi")];
    plan.pools[0].update(&pool(Some(DEADLINE * 10)), true);
    assert_eq!(answer(&run(&plan, &services).await.0).1, b"hi");
    plan.pools[1].update(&pool(Some(DEADLINE * 10)), true);
    let releaser = plan.clone();
    tokio::spawn(async move {
        tokio::time::sleep(DEADLINE * 3).await;
        releaser.pools.iter().for_each(|p| p.update(&pool(None), true));
        releaser.pools.iter().for_each(|p| p.wake_waiting());
    });
    let (end, took) = run(&plan, &services).await;
    assert!(matches!(end, FanoutEnd::Rerouted), "{end:?}");
    assert!(took >= DEADLINE * 3, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_table_that_changed_meanwhile_is_looked_up_again() {
    let plan = plan(Answer::Quorum, 3);
    let services = [Fails(1, LegError::Rerouted), Fails(1, LegError::Rerouted), Answers(2, 200, "hi")];
    assert!(matches!(run(&plan, &services).await.0, FanoutEnd::Rerouted));
    assert_eq!(plan.pools[0].counted(), (0, 0));
}
