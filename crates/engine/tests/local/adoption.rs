//! Nodes and shims that die, and what is found afterwards.

use crate::world::{World, eventually, is_alive};
use seaworthy_deploy::Target as _;
use seaworthy_engine::{Happening, InstanceState, LocalTarget};
use seaworthy_host::process::{self, Signal};

#[tokio::test]
async fn a_node_that_comes_back_goes_on_with_what_runs() {
    let mut world = World::new();
    let mut spec = world.server();
    spec.tuning.replicas = 3;
    world.up(&spec).await;
    let before: Vec<_> = world.instances(&spec.id).into_iter().map(|i| (i.id, i.pid, i.address)).collect();
    world.restart_node();
    let mut events = world.target().events();
    let adopted = world.target().adopt().await.unwrap();
    assert_eq!((adopted.adopted.len(), adopted.started.len(), adopted.removed.len()), (3, 0, 0));
    let event = events.recv().await.unwrap();
    assert!(matches!(event.what, Happening::Adopted { pid: Some(_) }), "{event:?}");
    eventually("all are known", || world.instances(&spec.id).iter().all(|i| i.pid.is_some()).then_some(())).await;
    let after: Vec<_> = world.instances(&spec.id).into_iter().map(|i| (i.id, i.pid, i.address)).collect();
    assert_eq!(after, before);
    assert!(world.instances(&spec.id).iter().all(|i| i.state == InstanceState::Running && i.restarts == 0));
    let again = world.target().adopt().await.unwrap();
    assert_eq!((again.adopted.len(), again.started.len()), (0, 0));
    world.target().start(&spec).await.unwrap();
    assert_eq!(world.shims().len(), 3);
    world.target().healthy(&spec).await.unwrap();
    assert_eq!(world.get(&spec, "/pid").await, before[0].1.unwrap().to_string());
    world.end().await;
}

#[tokio::test]
async fn a_home_has_one_node() {
    let world = World::new();
    let error = LocalTarget::open(world.options.clone()).err().unwrap();
    assert!(error.message.starts_with("another node already runs with"), "{error}");
    world.end().await;
}

#[tokio::test]
async fn a_killed_shim_takes_its_program_along_and_a_new_one_is_started() {
    let world = World::new();
    let spec = world.server();
    world.up(&spec).await;
    let children: Vec<u32> = serde_json::from_str(&world.get(&spec, "/spawn").await).unwrap();
    let before = world.instance(&spec.id);
    let mut events = world.target().events();
    process::signal(before.shim_pid.unwrap(), Signal::SIGKILL).unwrap();
    let after = eventually("a new shim runs", || {
        let now = world.instance(&spec.id);
        (now.shim_pid.is_some() && now.shim_pid != before.shim_pid && now.pid.is_some()).then_some(now)
    })
    .await;
    assert!(!is_alive(before.pid.unwrap()));
    assert!(children.iter().all(|pid| !is_alive(*pid)), "its session and what left it are gone");
    assert_eq!(after.address, before.address);
    assert!(matches!(events.recv().await.unwrap().what, Happening::Lost));
    world.target().healthy(&spec).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_shim_that_died_while_no_node_ran_is_replaced() {
    let mut world = World::new();
    let spec = world.server();
    world.up(&spec).await;
    let children: Vec<u32> = serde_json::from_str(&world.get(&spec, "/spawn").await).unwrap();
    let before = world.instance(&spec.id);
    world.node_dies();
    process::signal(before.shim_pid.unwrap(), Signal::SIGKILL).unwrap();
    eventually("its program died with it", || (!is_alive(before.pid.unwrap())).then_some(())).await;
    world.restart_node();
    let adopted = world.target().adopt().await.unwrap();
    assert_eq!((adopted.adopted.len(), adopted.started.len()), (0, 1));
    assert!(children.iter().all(|pid| !is_alive(*pid)));
    world.target().healthy(&spec).await.unwrap();
    assert_eq!(world.shims().len(), 1);
    world.end().await;
}

#[tokio::test]
async fn after_a_reboot_everything_wanted_is_started_again() {
    let mut world = World::new();
    let mut spec = world.server();
    spec.tuning.replicas = 2;
    world.up(&spec).await;
    world.node_dies();
    for shim in world.shims() {
        process::signal_exactly(shim.shim_pid, shim.shim_start_time, Signal::SIGKILL).unwrap();
    }
    eventually("nothing runs", || world.processes().is_empty().then_some(())).await;
    // What the machine's last run wrote down means nothing in this one, not even where the numbers fit.
    for shim in world.shims() {
        let path = world.folder(&seaworthy_model::pool::InstanceId(shim.instance.clone())).join("state.json");
        let mut state = shim;
        state.boot_id = "an earlier one".to_owned();
        state.shim_pid = std::process::id();
        state.shim_start_time = process::start_time(std::process::id()).unwrap();
        seaworthy_host::files::write_atomic(&path, &serde_json::to_vec(&state).unwrap(), 0o600).unwrap();
    }
    seaworthy_host::files::remove_tree(&seaworthy_host::runtime_directory(&world.options.home).unwrap()).unwrap();
    world.restart_node();
    let adopted = world.target().adopt().await.unwrap();
    assert_eq!(adopted.started.len(), 2, "{adopted:?}");
    world.target().healthy(&spec).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn what_nobody_wants_is_ended_and_removed() {
    let mut world = World::new();
    let spec = world.server();
    world.up(&spec).await;
    let pid = world.instance(&spec.id).pid.unwrap();
    world.node_dies();
    // The engine's memory is lost, the processes are not.
    for name in ["engine.db", "engine.db-wal", "engine.db-shm"] {
        seaworthy_host::files::remove_tree(&world.options.home.join(name)).unwrap();
    }
    world.restart_node();
    let adopted = world.target().adopt().await.unwrap();
    assert_eq!(adopted.removed, [spec.id.instance(0).0]);
    assert!(!is_alive(pid));
    assert!(world.processes().is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_start_that_fails_when_the_node_comes_back_is_tried_again() {
    let mut world = World::new();
    let mut spec = world.server();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    spec.port = seaworthy_model::service::Port::Fixed(port);
    world.up(&spec).await;
    let shim = world.instance(&spec.id).shim_pid.unwrap();
    let program = world.instance(&spec.id).pid.unwrap();
    world.node_dies();
    process::signal(shim, Signal::SIGKILL).unwrap();
    eventually("its program died with it", || (!is_alive(program)).then_some(())).await;
    let stranger = eventually("the port is free", || std::net::TcpListener::bind(("127.0.0.1", port)).ok()).await;
    world.restart_node();
    let adopted = world.target().adopt().await.unwrap();
    assert_eq!(adopted.failed.len(), 1);
    assert!(world.instance(&spec.id).problem.unwrap().message.contains("is taken"));
    drop(stranger);
    eventually("it runs again", || world.instance(&spec.id).pid).await;
    world.target().healthy(&spec).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_node_that_died_before_all_were_started_starts_the_rest() {
    let mut world = World::new();
    let mut spec = world.script("exec cat");
    spec.tuning.replicas = 4;
    // Given up in the middle, wherever that is on this machine.
    let _ = tokio::time::timeout(std::time::Duration::from_millis(15), world.target().start(&spec)).await;
    world.restart_node();
    let adopted = world.target().adopt().await.unwrap();
    assert_eq!(adopted.adopted.len() + adopted.started.len(), 4, "{adopted:?}");
    world.target().start(&spec).await.unwrap();
    world.target().healthy(&spec).await.unwrap();
    assert_eq!(world.shims().len(), 4);
    world.end().await;
}
