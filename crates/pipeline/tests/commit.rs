//! Builds of commits, in a checkout of their own.

mod common;

use common::World;
use seaworthy_pipeline::SourceOf;

fn world() -> World {
    World::with(&[
        (
            "seaworthy.toml",
            "app = \"a\"\n[services.a]\nrun = [\"out\"]\nbuild = \"cp source out; sh ../leave\"\nfiles = [\"out\"]\n",
        ),
        // A file that should not matter, a cache that says so, and folders whose names are patterns of others.
        (
            "leave",
            "cd ..; for folder in . target '*' node_modules; do mkdir -p \"$folder\"; echo x >> \"$folder/ignored\"; done\n\
             echo 'Signature: 8a477f597d28d172789f06886806bc55' | tee target/CACHEDIR.TAG > '*/CACHEDIR.TAG'\n",
        ),
        (".gitignore", "out\nignored\ntarget\n\\*\nnode_modules\n"),
        ("a/source", "1"),
    ])
}

fn built(world: &World) -> seaworthy_pipeline::Built {
    world.build_with(true, true).unwrap_or_else(|errors| panic!("{}", world.rendered(&errors)))
}

#[test]
fn a_commit_is_built_and_not_the_working_tree() {
    let world = world();
    let commit = world.commit_all();
    world.write("a/source", "22");
    world.write("a/untracked", "22");
    let of_commit = built(&world);
    assert_eq!(world.listing(&of_commit, "a"), ["out 1"]);
    let provenance = of_commit.bundle.provenance;
    assert_eq!((provenance.commit, provenance.dirty), (Some(commit.clone()), false));
    assert_eq!(provenance.source, format!("git:{commit}:seaworthy.toml"));
    assert!(!world.path("a/out").exists(), "the working tree is left alone");

    let of_tree = world.built();
    assert_eq!(world.listing(&of_tree, "a"), ["out 2"]);
    assert!(of_tree.bundle.provenance.dirty);
    assert_eq!(of_tree.bundle.provenance.commit, Some(commit));
}

#[test]
fn the_next_commit_is_built_where_the_last_one_was() {
    let world = world();
    let first = world.commit_all();
    built(&world);
    world.write("a/source", "333");
    world.write("a/more", "");
    world.write("a/left", "");
    let second = world.commit_all();
    let next = built(&world);
    assert_eq!(world.listing(&next, "a"), ["out 3"]);
    assert_eq!(next.bundle.provenance.commit, Some(second));
    assert_eq!(next.bundle.provenance.source, format!("git:{first}:seaworthy.toml"), "the source stays the same");
    let checkouts = std::fs::read_dir(world.cache.path().join("checkouts")).expect("there").flatten();
    let folders: Vec<_> = checkouts.filter(|entry| entry.path().is_dir()).collect();
    assert_eq!(folders.len(), 1);
    let left = |name: &str| std::fs::read_to_string(folders[0].path().join(name)).expect("the last build left it");
    for cache in ["target/ignored", "node_modules/ignored"] {
        assert_eq!(left(cache), "x\nx\n", "{cache}: a cache stays");
    }
    for other in ["ignored", "*/ignored"] {
        assert_eq!(left(other), "x\n", "{other}: a fresh clone does not have it");
    }
}

#[test]
fn a_checkout_that_was_removed_is_made_again() {
    let world = world();
    world.commit_all();
    let one = built(&world).bundle.release.digest();
    seaworthy_host::files::remove_tree(world.cache.path()).expect("removed");
    assert_eq!(built(&world).bundle.release.digest(), one);
}

#[test]
fn the_same_source_is_built_once_as_a_commit_whatever_was_built_before_it_was_one() {
    let world = world();
    world.write(
        "seaworthy.toml",
        "app = \"a\"\n[services.a]\nrun = [\"out\"]\nbuild = \"cp source out\"\nfiles = [\"out\"]\n",
    );
    world.commit_all();
    world.built();
    built(&world);
    // What git ignores may have had a part in the first.
    assert_eq!(world.done(), ["a build"]);
    built(&world);
    assert_eq!(world.done(), ["a unchanged"]);
}

#[test]
fn the_manifest_may_lie_below_the_top() {
    let world = World::with(&[
        ("README", "x"),
        ("apps/shop/seaworthy.toml", "app = \"a\"\n[services.a]\nrun = [\"x\"]\nfiles = [\"x\"]\n"),
        ("apps/shop/a/x", "x"),
    ]);
    let commit = world.commit_all();
    world.write("README", "changed, and not of the app");
    let file = world.path("apps/shop/seaworthy.toml");
    let states = [SourceOf::head(), SourceOf::WorkingTree];
    let request = |of| seaworthy_pipeline::Request {
        manifest_file: &file,
        of,
        cache: world.cache.path(),
        blobs: &world.blobs,
        bases: &seaworthy_pipeline::NoBases,
        inspect: &world.blobs,
        update: false,
        test: true,
        keep_going: false,
        limits: world.limits,
        progress: &|_| {},
        cancel: &world.cancel,
    };
    for of in &states {
        let built = seaworthy_pipeline::build(&request(of)).unwrap_or_else(|e| panic!("{}", world.rendered(&e)));
        assert_eq!(world.listing(&built, "a"), ["x 1"]);
        assert_eq!(built.bundle.provenance.source, format!("git:{commit}:apps/shop/seaworthy.toml"));
        assert!(!built.bundle.provenance.dirty);
    }
}

#[test]
fn what_is_not_committed_cannot_be_built_as_a_commit() {
    let world = World::with(&[("README", "x")]);
    world.commit_all();
    world.write("seaworthy.toml", "app = \"a\"\n[services.a]\npath = \".\"\nrun = [\"x\"]\n");
    let Err(errors) = world.build_with(true, true) else { panic!("it was built") };
    let commit = world.git(&["rev-parse", "--short=12", "HEAD"]);
    insta::assert_snapshot!(world.rendered(&errors).replace(&commit, "COMMIT"));
}

#[test]
fn without_a_commit_the_working_tree_is_all_there_is() {
    let world = world();
    let outside = built(&world);
    assert_eq!(outside.bundle.provenance.commit, None);
    let path = world.folder.path().canonicalize().expect("there");
    let source = outside.bundle.provenance.source;
    assert!(source.starts_with("path:") && source.ends_with(&format!("{}/seaworthy.toml", path.display())), "{source}");
    world.git(&["init", "--quiet"]);
    assert_eq!(built(&world).bundle.provenance.commit, None, "git, but no commit yet");
}

#[test]
fn a_part_of_the_history_does_not_tell_the_source() {
    let world = world();
    world.commit_all();
    world.commit_all();
    let clone = World::new();
    let from = format!("file://{}", world.folder.path().display());
    clone.git(&["clone", "--quiet", "--depth", "1", &from, "."]);
    let Err(errors) = clone.build_with(false, true) else { panic!("it was built") };
    insta::assert_snapshot!(clone.rendered(&errors));
}

#[test]
fn what_git_ignores_does_not_get_into_a_commit() {
    let manifest = "app = \"a\"\n[services.a]\nrun = [\"out\"]\nbuild = \"cat local > out || echo clean > out\"\n\
                    files = [\"out\"]\n";
    let world = World::with(&[("seaworthy.toml", manifest), (".gitignore", "out\nlocal\n"), ("a/source", "1")]);
    world.commit_all();
    world.write("a/local", "only on this laptop");
    assert_eq!(world.listing(&world.built(), "a"), ["out 19"]);
    assert_eq!(world.listing(&built(&world), "a"), ["out 6"]);
    // Nor is what the commit makes taken for what lies here.
    assert_eq!(world.listing(&world.built(), "a"), ["out 19"]);
}
