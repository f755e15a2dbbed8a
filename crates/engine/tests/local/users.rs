//! Who programs run as.

use crate::world::World;
use seaworthy_deploy::Target as _;
use seaworthy_host::{peer, process};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;

#[tokio::test]
async fn a_service_has_a_user_of_its_own_and_keeps_it() {
    assert!(peer::is_root(), "only root may do what this test does: run it as root");
    let mut world = World::new();
    let spec = world.server();
    world.up(&spec).await;
    let (user, group, groups, folder): (u32, u32, Vec<u32>, String) =
        serde_json::from_str(&world.get(&spec, "/user").await).unwrap();
    assert_eq!(Some(user), world.target().service_user(&spec).unwrap());
    assert!(user >= 0x3000_0000 && user == group, "{user} {group}");
    assert!(groups.iter().all(|one| *one == group), "{groups:?}");
    assert_eq!(std::fs::metadata(folder).unwrap().uid(), user);
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.instance(&spec.id).pid.unwrap())).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    world.restart_node();
    assert_eq!(world.target().service_user(&spec).unwrap(), Some(user));
    assert_ne!(world.target().service_user(&world.script("cat")).unwrap(), Some(user));
    assert!(world.target().reserved_user(0).unwrap() < user);
    world.target().adopt().await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_home_that_the_service_cannot_reach_is_refused_with_the_folder() {
    assert!(peer::is_root(), "only root may do what this test does: run it as root");
    let world = World::new();
    let spec = world.server();
    let outer = world.options.home.parent().unwrap().to_owned();
    seaworthy_host::files::set_mode(&outer, 0o700).unwrap();
    let error = world.target().start(&spec).await.unwrap_err();
    assert!(error.help.as_ref().unwrap().contains(&format!("chmod o+x {}", outer.display())), "{error:?}");
    world.end().await;
}

/// The same engine without root's rights: these tests once more, in a process of an ordinary user.
#[test]
fn an_ordinary_user_gets_the_same() {
    assert!(peer::is_root(), "only root may do what this test does: run it as root");
    let nobody = 65_534;
    let output = process::command(std::env::current_exe().unwrap())
        .args(["--test-threads=2", "adoption::a_", "endings::", "starts::a_program", "commands::a_one_off"])
        .uid(nobody)
        .gid(nobody)
        .current_dir("/tmp")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("adoption::a_killed_shim") && text.contains("endings::who_ignores_sigterm"), "{text}");
}

/// Sandboxes without root's rights: in a user namespace.
#[test]
fn an_ordinary_user_gets_the_same_sandbox() {
    assert!(peer::is_root(), "only root may do what this test does: run it as root");
    crate::base::folder(); // only root may make it there
    let nobody = 65_534;
    let output = process::command(std::env::current_exe().unwrap())
        // Limits of memory and processes are root's to set.
        .args(["--test-threads=2", "sandbox::", "walls::", "--skip", "walls::more_"])
        .uid(nobody)
        .gid(nobody)
        .current_dir("/tmp")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("walls::no_wall_has_a_hole ... ok"), "{text}");
}
