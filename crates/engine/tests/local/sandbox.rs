//! What a program finds inside a sandbox.

use crate::world::{World, eventually, name, set};
use seaworthy_model::pool::Sandbox;

/// Runs a script in a sandbox; its lines once it has written `end`.
async fn lines_of(
    world: &World,
    script: &str,
    change: impl FnOnce(&mut seaworthy_model::pool::PoolSpec),
) -> Vec<String> {
    let mut spec = world.script(&format!("{script}\necho end; exec cat"));
    spec.sandbox = Some(Sandbox::default());
    change(&mut spec);
    world.up(&spec).await;
    let lines = eventually("it has written", || {
        let lines = world.lines(100);
        lines.last().is_some_and(|line| line == "end").then_some(lines)
    })
    .await;
    lines[..lines.len() - 1].to_vec()
}

#[tokio::test]
async fn a_program_finds_its_image_and_itself_alone() {
    let world = World::new();
    let script = "id -un; hostname; pwd; echo $$ $HOME $TMPDIR $HOST $DATA; ls /; cat /etc/hosts";
    let lines = lines_of(&world, script, |spec| {
        spec.volumes.insert(name("data"), "/data".to_owned());
        set(spec, "DATA", "${volumes.data}/x");
    })
    .await;
    let expected = [
        "app",
        "script",
        "/app",
        "2 /home/app /tmp 127.0.0.1 /data/x",
        "app",
        "bin",
        "data",
        "dev",
        "etc",
        "home",
        "lib",
        "lib64",
        "proc",
        "tmp",
        "usr",
        "127.0.0.1 localhost script",
        "::1 localhost ip6-localhost ip6-loopback",
    ];
    assert_eq!(lines, expected);
    world.end().await;
}
