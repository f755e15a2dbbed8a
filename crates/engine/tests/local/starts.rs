//! What a program finds when it starts.

use crate::world::{World, eventually, is_alive, name, set};
use seaworthy_deploy::Target as _;
use seaworthy_engine::InstanceState;
use seaworthy_host::process::{self, Signal};
use seaworthy_model::service::Port;
use std::collections::BTreeMap;

#[tokio::test]
async fn a_program_finds_what_was_declared_and_nothing_else() {
    let world = World::new();
    let mut spec = world.server();
    set(&mut spec, "GREETING", "${environment} says ${env.PORT}");
    set(&mut spec, "DATA", "${volumes.data}/x.db");
    spec.volumes.insert(name("data"), "/data".to_owned());
    world.up(&spec).await;
    let variables: BTreeMap<String, String> = serde_json::from_str(&world.get(&spec, "/env").await).unwrap();
    let names: Vec<&str> = variables.keys().map(String::as_str).collect();
    // Python itself adds LC_CTYPE where the locale asks for it.
    let names: Vec<&str> = names.into_iter().filter(|name| *name != "LC_CTYPE").collect();
    let expected = ["DATA", "GREETING", "HOME", "HOST", "LANG", "PATH", "PORT", "TMPDIR", "TZ"];
    assert_eq!(names, expected);
    let (_, address) = world.target().endpoints(&spec.id).remove(0);
    assert_eq!(variables["GREETING"], format!("test says {}", address.port()));
    assert!(variables["DATA"].ends_with("home/volumes/app/test/server/data/x.db"));
    assert_eq!(world.get(&spec, "/stdin").await, "silent");
    world.end().await;
}

#[tokio::test]
async fn the_working_folder_is_a_private_copy_that_may_be_written() {
    let world = World::new();
    let script = "#!/bin/sh\necho changed > data; echo x > \"$TMPDIR/t\"; echo y > \"$HOME/h\"; cat data; cat";
    let mut spec = world.script("");
    spec.image = world.image(&[("run.sh", script), ("data", "original")]);
    let (blobs, manifest) = (world.options.blobs.clone(), spec.image.clone());
    let image = move || -> Vec<Vec<u8>> {
        let needed = blobs.references(&manifest).unwrap();
        needed.iter().map(|digest| blobs.read(digest).unwrap()).collect()
    };
    let before = image();
    spec.tuning.replicas = 2;
    world.up(&spec).await;
    eventually("both have written", || (world.lines(10) == ["changed", "changed"]).then_some(())).await;
    assert_eq!(image(), before);
    world.end().await;
}

#[tokio::test]
async fn starting_twice_starts_nothing_twice_and_more_replicas_are_added_to_those_there() {
    let world = World::new();
    let mut spec = world.server();
    spec.tuning.replicas = 2;
    world.up(&spec).await;
    let before: Vec<_> = world.instances(&spec.id).into_iter().map(|instance| (instance.id, instance.pid)).collect();
    spec.tuning.replicas = 3;
    world.up(&spec).await;
    let after: Vec<_> = world.instances(&spec.id).into_iter().map(|instance| (instance.id, instance.pid)).collect();
    assert_eq!(after[..2], before[..]);
    assert_eq!(world.target().endpoints(&spec.id).len(), 3);
    assert_eq!(world.shims().len(), 3);
    assert_eq!(world.target().pools(&spec.app, &spec.environment).await.unwrap(), [spec.id.clone()]);
    world.end().await;
}

#[tokio::test]
async fn one_too_many_leaves_the_endpoints_and_ends() {
    let world = World::new();
    let mut spec = world.server();
    spec.tuning.replicas = 2;
    world.up(&spec).await;
    let gone = world.instances(&spec.id)[1].pid.unwrap();
    spec.tuning.replicas = 1;
    world.target().start(&spec).await.unwrap();
    assert_eq!(world.target().endpoints(&spec.id).len(), 1);
    eventually("the second one has ended", || (!is_alive(gone)).then_some(())).await;
    eventually("it is forgotten", || (world.instances(&spec.id).len() == 1).then_some(())).await;
    world.end().await;
}

#[tokio::test]
async fn a_killed_program_is_started_again_on_its_port() {
    let world = World::new();
    let spec = world.server();
    world.up(&spec).await;
    let address = world.target().endpoints(&spec.id).remove(0).1;
    let first = world.instance(&spec.id).pid.unwrap();
    process::signal(first, Signal::SIGKILL).unwrap();
    let instance = eventually("it was started again", || {
        let instance = world.instance(&spec.id);
        (instance.restarts == 1 && instance.state == InstanceState::Running).then_some(instance)
    })
    .await;
    assert_ne!(instance.pid, Some(first));
    assert_eq!(instance.last_exit.unwrap().how.to_string(), "SIGKILL");
    world.target().healthy(&spec).await.unwrap();
    assert_eq!(world.target().endpoints(&spec.id).remove(0).1, address);
    world.end().await;
}

#[tokio::test]
async fn what_a_program_leaves_behind_ends_before_it_is_started_again() {
    let world = World::new();
    let spec = world.server();
    world.up(&spec).await;
    let children: Vec<u32> = serde_json::from_str(&world.get(&spec, "/spawn").await).unwrap();
    assert!(children.iter().all(|pid| is_alive(*pid)));
    world.get(&spec, "/exit").await;
    eventually("it was started again", || (world.instance(&spec.id).restarts == 1).then_some(())).await;
    assert!(children.iter().all(|pid| !is_alive(*pid)), "the child that left the session, too");
    assert_eq!(world.instance(&spec.id).last_exit.unwrap().how.to_string(), "exit code 7");
    world.end().await;
}

#[tokio::test]
async fn a_fixed_port_that_somebody_has_is_refused_with_the_holder() {
    let world = World::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut spec = world.server();
    spec.port = Port::Fixed(listener.local_addr().unwrap().port());
    let error = world.target().start(&spec).await.unwrap_err();
    let port = listener.local_addr().unwrap().port();
    let expected = format!("port {port} of `server` is taken by ");
    assert!(error.message.starts_with(&expected), "{error}");
    assert!(error.message.ends_with(&format!("(process {})", std::process::id())), "{error}");
    assert!(error.help.is_some());
    drop(listener);
    world.up(&spec).await;
    assert_eq!(world.target().endpoints(&spec.id)[0].1.port(), port);
    world.end().await;
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_refused_before_anything_runs() {
    let world = World::new();
    for (run, content, expected) in [
        ("./run", "#!/no/such/interpreter\n", "needs the interpreter `/no/such/interpreter`"),
        ("./gone", "", "`./gone` cannot be started"),
        ("no-such-program", "", "there is no program `no-such-program`"),
    ] {
        let spec = world.spec("refused", &[run], &[("run", content)]);
        let error = world.target().start(&spec).await.unwrap_err();
        assert!(error.message.contains(expected), "{error}");
        assert!(error.help.is_some());
        world.target().stop(&spec.id).await.unwrap();
    }
    world.end().await;
}

#[tokio::test]
async fn a_shim_is_small() {
    let world = World::new();
    let spec = world.script("seq 10000; exec cat");
    world.up(&spec).await;
    eventually("it has written", || (world.lines(1) == ["10000"]).then_some(())).await;
    let shim = world.instance(&spec.id).shim_pid.unwrap();
    let bytes = process::memory_bytes(shim).unwrap();
    assert!(bytes < 3 * 1024 * 1024, "{bytes} bytes");
    let tasks = std::fs::read_dir(format!("/proc/{shim}/task")).unwrap().count();
    assert_eq!(tasks, 1, "a death signal comes when the thread ends that started the program");
    world.end().await;
}
