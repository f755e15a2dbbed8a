//! What goes into an image, and what is kept out.

mod common;

use common::World;
use seaworthy_host::files::{create_directory, set_mode};

fn world(files: &str) -> World {
    let manifest = format!("app = \"a\"\n[services.a]\nrun = [\"a\"]\nfiles = {files}\n");
    let world = World::with(&[
        ("seaworthy.toml", &manifest),
        ("a/bin/server", "#!/bin/sh\n"),
        ("a/public/index.html", "<html>"),
        ("a/public/css/site.css", "body"),
        ("a/public/.git/config", "left out"),
        ("a/public/__pycache__/x.pyc", "left out"),
        ("a/one.py", "1"),
        ("a/two.py", "22"),
        ("a/.hidden.py", "333"),
        ("secret", "not of the service"),
    ]);
    set_mode(&world.path("a/bin/server"), 0o755).expect("a mode");
    create_directory(&world.path("a/public/empty"), 0o755).expect("a folder");
    world
}

fn listing(files: &str) -> Vec<String> {
    let world = world(files);
    let built = world.built();
    world.listing(&built, "a")
}

fn refused(files: &str, change: impl Fn(&World)) -> String {
    let world = world(files);
    change(&world);
    world.refused()
}

#[test]
fn a_file_lands_by_its_base_name_and_a_directory_keeps_its_name() {
    let all = listing(r#"["bin/server", "public"]"#);
    assert_eq!(all, ["public/css/site.css 4", "public/empty/", "public/index.html 6", "server* 10"]);
}

#[test]
fn from_and_to_say_otherwise() {
    let entries =
        r#"[{ from = "bin/server", to = "run/it" }, { from = "public", to = "." }, { from = "*.py", to = "py" }]"#;
    assert_eq!(
        listing(entries),
        ["css/site.css 4", "empty/", "index.html 6", "py/one.py 1", "py/two.py 2", "run/it* 10"]
    );
    assert_eq!(listing(r#"[{ from = "bin/server", to = "." }]"#), ["server* 10"]);
}

#[test]
fn globs_match_no_hidden_files_and_no_slashes() {
    assert_eq!(listing(r#"["*.py"]"#), ["one.py 1", "two.py 2"]);
    assert_eq!(listing(r#"["public/**/*.css"]"#), ["site.css 4"]);
    assert_eq!(listing(r#"["*.py", "one.py"]"#), ["one.py 1", "two.py 2"]);
}

#[test]
fn the_whole_folder_lands_at_the_top() {
    let all = listing(r#"["."]"#);
    assert!(all.contains(&"bin/server* 10".to_owned()) && all.contains(&".hidden.py 3".to_owned()), "{all:?}");
}

#[test]
fn links_stay_links_inside_what_lands_and_become_files_elsewhere() {
    let world = world(r#"["public", "current"]"#);
    world.link("a/public/home.html", "index.html");
    world.link("a/public/css/up.html", "../index.html");
    world.link("a/public/one.py", "../one.py");
    world.link("a/public/bin", "../bin");
    world.link("a/current", "one.py");
    let built = world.built();
    assert_eq!(
        world.listing(&built, "a"),
        [
            "current 1",
            "public/bin/server* 10",
            "public/css/site.css 4",
            "public/css/up.html -> ../index.html",
            "public/empty/",
            "public/home.html -> index.html",
            "public/index.html 6",
            "public/one.py 1"
        ]
    );
}

#[test]
fn two_trees_alike_are_one_image() {
    let (one, two) = (world(r#"["bin/server", "public"]"#), world(r#"["public", "bin/server"]"#));
    // Only whether somebody may execute it counts.
    set_mode(&two.path("a/bin/server"), 0o711).expect("a mode");
    set_mode(&two.path("a/public/index.html"), 0o600).expect("a mode");
    let (one, two) = (one.built().bundle.release, two.built().bundle.release);
    assert_eq!(one.digest(), two.digest());
}

#[test]
fn nothing_comes_from_outside() {
    let cases = [
        refused(r#"["out"]"#, |world| world.link("a/out", "../secret")),
        refused(r#"["out"]"#, |world| world.link("a/out", "/etc/hostname")),
        refused(r#"["public"]"#, |world| world.link("a/public/out", "../../secret")),
        refused(r#"["public"]"#, |world| world.link("a/public/out", world.path("secret"))),
        refused(r#"["out/secret"]"#, |world| world.link("a/out", "..")),
        refused(r#"["out/*"]"#, |world| world.link("a/out", "..")),
    ];
    insta::assert_snapshot!(cases.join("\n"));
}

#[test]
fn a_service_folder_that_is_elsewhere_is_refused() {
    let world = World::with(&[("seaworthy.toml", "app = \"a\"\n[services.a]\nrun = [\"a\"]\npath = \"a\"\n")]);
    world.link("a", "/usr");
    insta::assert_snapshot!(world.refused());
}

#[test]
fn what_cannot_land_is_refused() {
    let cases = [
        refused(r#"["target/release/a"]"#, |_| {}),
        refused(r#"["*.rs"]"#, |_| {}),
        refused(r#"["public"]"#, |world| world.link("a/public/broken", "nothing")),
        refused(r#"["public"]"#, |world| {
            let mut fifo = seaworthy_host::process::command("/usr/bin/mkfifo");
            assert!(fifo.arg(world.path("a/public/pipe")).status().expect("mkfifo runs").success());
        }),
        refused(r#"[{ from = "public", to = "x" }, { from = "*.py", to = "x/index.html" }]"#, |_| {}),
        refused(r#"["deep"]"#, |world| {
            world.write("a/other/x", "x");
            world.link("a/deep/other", "../other");
            world.link("a/other/deep", "../deep");
        }),
    ];
    insta::assert_snapshot!(cases.join("\n"));
}
