//! A branch of a repository behind ssh: the server's keys are known or nothing is believed, and the node's key lets it
//! in.

use super::support::remote::Machine;
use super::support::repository::{PUSHED, followed, git};
use super::support::wait_for;
use super::support::world::World;
use seaworthy_host::{files, process};
use std::path::Path;

/// Copies a file of the machine's owner to where the node looks for it.
fn give(world: &World, machine: &Machine, name: &str, kind: &str) {
    let text = files::read(&machine.file(name)).expect("a file");
    let folder = world.home.join("credentials");
    files::create_directory(&folder, 0o700).expect("a folder");
    files::write_atomic(&folder.join(format!("subject.{kind}")), &text, 0o600).expect("a file");
}

/// What the status says of the repository, once it says this; whoever deploys again makes the node look.
#[track_caller]
fn says(world: &World, words: &str) -> String {
    world.up();
    wait_for(words, PUSHED, || {
        let status = world.run(&["status", "dev"]).expect(0).stdout;
        status.contains(words).then_some(status)
    })
}

/// Pushes as somebody does who may write.
fn push(world: &World, machine: &Machine, path: &Path) -> String {
    world.commit();
    let mut command = process::command("git");
    command.args(["push", "--quiet", "--force"]).arg(format!("{}{}", machine.url(), path.display()));
    command.arg("HEAD:refs/heads/main").current_dir(&world.app);
    command.env("PATH", "/usr/bin:/bin").env("HOME", world.app.with_file_name("nobody"));
    command.env("GIT_SSH_COMMAND", format!("ssh -F {}", machine.file("good").display()));
    let output = command.output().expect("git");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    git(world, &["rev-parse", "HEAD"]).trim().to_owned()
}

#[test]
fn a_repository_behind_ssh_wants_a_known_server_and_a_key() {
    let (world, machine) = (World::following(), Machine::new());
    let path = machine.user.home.join("repository.git");
    let made = machine.user.command("git").args(["init", "--quiet", "--bare"]).arg(&path).status();
    assert!(made.expect("git").success());
    let url = format!("{}{}", machine.url(), path.display());
    world.write_manifest(&followed(&url, "one", &[]));
    push(&world, &machine, &path);
    world.up().says("dev follows main of ssh://");

    // Nobody is believed who is not known.
    let status = says(&world, "Host key verification failed");
    assert!(status.contains("ssh-keyscan HOST") && status.contains("credentials/subject.known_hosts"), "{status}");
    give(&world, &machine, "known", "known_hosts");
    let status = says(&world, "Permission denied");
    assert!(status.contains("a private key") && status.contains("credentials/subject.key"), "{status}");
    give(&world, &machine, "other", "key");
    says(&world, "does the server let");
    // Somebody else answers there than before.
    give(&world, &machine, "mistaken", "known_hosts");
    give(&world, &machine, "user", "key");
    let status = says(&world, "Host key verification failed");
    assert!(status.contains("have the server's keys"), "{status}");
    give(&world, &machine, "known", "known_hosts");
    let key = world.home.join("credentials/subject.key");
    files::set_mode(&key, 0o644).expect("the key");
    says(&world, "others may read");
    files::set_mode(&key, 0o600).expect("the key");

    // A hand at the wheel: the node looks at once, however long it had waited.
    world.up();
    wait_for("the repository", PUSHED, || {
        (!world.run(&["status", "dev"]).expect(0).stdout.contains("others may read")).then_some(())
    });
    world.write_manifest(&followed(&url, "two", &[]));
    let commit = push(&world, &machine, &path);
    assert_eq!(world.ended_run(&commit)["outcome"], "deployed");
    assert_eq!(world.text("/version"), "two");
    // Nothing that is kept, and nothing that a build finds, holds the key.
    let secret = String::from_utf8(files::read(&key).expect("the key")).expect("text");
    let line = secret.lines().nth(1).expect("a line of the key");
    let mut search = process::command("grep");
    search.args(["--recursive", "--files-with-matches", line]).arg(&world.home).env("PATH", "/usr/bin:/bin");
    let found = String::from_utf8(search.output().expect("grep").stdout).expect("text");
    assert_eq!(found.trim(), key.display().to_string());
}
