//! The same source gives the same image, wherever it lies; what belongs to an image says what is in it and whence.

mod common;

use common::World;
use seaworthy_image::{Source as _, oci, references};
use seaworthy_model::Name;
use seaworthy_pipeline::Built;
use serde_json::Value;

const MANIFEST: &str = "app = \"shop\"\n[services.a]\nrun = [\"out\"]\nport = false\n";

fn one(text: &str) -> World {
    World::with(&[("seaworthy.toml", &format!("{MANIFEST}{text}\n")), ("a/x", "x")])
}

#[test]
fn sources_stand_at_the_same_place_for_every_build() {
    let text = "build = \"pwd > out; umask >> out; env | grep -E '^(TZ|LANG|HOME|SOURCE_DATE_EPOCH)=' | sort >> out\"\n\
                files = [\"out\"]";
    let (one, two) = (one(text), one(text));
    let (first, second) = (one.built(), two.built());
    assert_eq!(one.not_isolated(), None, "this test needs mount namespaces: run it as root, or where users have them");
    assert_eq!(first.bundle.release.digest(), second.bundle.release.digest());
    let written = String::from_utf8(seaworthy_host::files::read(&one.path("a/out")).expect("there")).expect("UTF-8");
    let expected =
        "/seaworthy/src/shop/a\n0022\nHOME=/seaworthy/home\nLANG=C.UTF-8\nSOURCE_DATE_EPOCH=315532800\nTZ=UTC\n";
    assert_eq!(written, expected);
}

#[test]
fn a_build_finds_neither_keys_nor_seaworthys_own_state() {
    // As it is wherever this runs: what is there outside is empty inside, and there is a place that is not.
    let sockets = seaworthy_host::runtime_directory(std::path::Path::new("/seaworthy-tests")).expect("a folder");
    let kept = sockets.parent().expect("it is in one");
    let look = format!(
        "for folder in $HOME/.ssh $HOME/.aws /var/lib/seaworthy {}; do find $folder -mindepth 1 2>/dev/null; done \
         > out; ls -A $HOME > /dev/null && echo looked >> out",
        kept.display()
    );
    let world = one(&format!("build = \"{look}\"\nfiles = [\"out\"]"));
    assert!(kept.read_dir().expect("a folder").next().is_some());
    world.built();
    assert_eq!(
        world.not_isolated(),
        None,
        "this test needs mount namespaces: run it as root, or where users have them"
    );
    let written = String::from_utf8(seaworthy_host::files::read(&world.path("a/out")).expect("there")).expect("UTF-8");
    assert_eq!(written, "looked\n");
}

#[test]
fn what_differs_between_two_builds_is_told() {
    let same = one("build = \"cp x out\"\nfiles = [\"out\"]");
    let verified = same.verified();
    assert_eq!(verified[&Name::new("a").expect("a name")].difference, None);
    let other = one("build = \"date +%N > out\"\nfiles = [\"out\"]");
    let said = other.verified().remove(&Name::new("a").expect("a name")).and_then(|verified| verified.difference);
    let said = said.expect("nanoseconds differ");
    assert!(
        said.starts_with("layer 1: `app/out`: differs from byte 0 on") || said.contains("differs from byte"),
        "{said}"
    );
    assert!(!other.path("a/out").exists(), "the working tree is left alone");
}

#[test]
fn a_commit_is_verified_in_copies_of_it() {
    let world = one("build = \"cp x out\"\nfiles = [\"out\"]");
    world.commit_all();
    world.write("a/x", "changed, and not committed");
    let committed = world.verify_with(true).remove(&Name::new("a").expect("a name")).expect("the service");
    let built = world.build_with(true, false).unwrap_or_else(|errors| panic!("{}", world.rendered(&errors)));
    assert_eq!(committed.first, world.image(&built, "a").digest);
    assert_eq!(committed.second, committed.first);
}

/// What belongs to the image of the service.
fn attached(world: &World, built: &Built) -> Vec<Value> {
    let image = world.image(built, "a");
    let content = |digest| {
        let manifest = world.blobs.bytes(digest, 1 << 20).expect("the manifest");
        let value: Value = serde_json::from_slice(&manifest).expect("JSON");
        assert_eq!(value["subject"]["digest"], image.digest.to_string());
        let content = references(&manifest).expect("a manifest").pop().expect("content");
        serde_json::from_slice(&world.blobs.bytes(&content, 1 << 20).expect("the content")).expect("JSON")
    };
    built.bundle.attachments[&Name::new("a").expect("a name")].iter().map(content).collect()
}

#[test]
fn tools_that_a_line_names_are_on_record() {
    let world = one("build = \"make out CC=gcc\"\nfiles = [\"out\"]");
    world.write("a/Makefile", "out: x\n\t$(CC) --version > /dev/null\n\tcp x out\n");
    let built = world.built();
    let dependencies = attached(&world, &built)[1]["predicate"]["buildDefinition"]["resolvedDependencies"].clone();
    let version = |name: &str| {
        let found = dependencies.as_array().expect("a list").iter().find(|one| one["name"] == name);
        found.map(|one| one["annotations"]["version"].as_str().expect("a version").to_owned())
    };
    assert!(version("make").expect("make").starts_with("GNU Make "), "{dependencies}");
    assert!(version("gcc").expect("gcc").contains("Free Software Foundation"), "{dependencies}");
    assert!(version("cc").is_some() && version("java").is_none(), "{dependencies}");
}

#[test]
fn lockfiles_and_origin_belong_to_the_image() {
    let lock = "[[package]]\nname = \"serde\"\nversion = \"1.0.2\"\nsource = \"registry+https://example.org\"\n";
    let world = one("build = \"cp x out\"\nfiles = [\"out\"]");
    world.write("Cargo.lock", lock);
    let commit = world.commit_all();
    let built = world.build_with(true, true).unwrap_or_else(|errors| panic!("{}", world.rendered(&errors)));
    let (image, attached) = (world.image(&built, "a"), attached(&world, &built));
    assert_eq!(attached[0]["components"][0]["purl"], "pkg:cargo/serde@1.0.2");
    let dependencies = &attached[1]["predicate"]["buildDefinition"]["resolvedDependencies"];
    assert_eq!(dependencies[0]["digest"]["gitCommit"], commit.as_str());
    assert_eq!(attached[1]["subject"][0]["digest"]["sha256"], image.digest.hex());
}

#[test]
fn an_image_is_not_written_again_for_files_that_did_not_change() {
    let world = one("files = [\"x\"]");
    let first = world.built();
    let layer = world.image(&first, "a").layers[0].digest.clone();
    assert_eq!(world.built().bundle.release.digest(), first.bundle.release.digest());
    world.blobs.lose(&layer);
    world.built();
    assert!(oci::image(&world.blobs, &world.image(&first, "a").digest).is_ok());
    assert!(world.blobs.bytes(&layer, 1 << 20).is_ok(), "what is lost is made again");
    world.write("a/x", "y");
    assert_ne!(world.built().bundle.release.digest(), first.bundle.release.digest());
}

#[test]
fn a_build_that_declares_no_network_reaches_nothing_and_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let connect = format!("import socket; print(socket.socket().connect_ex((str(127) + '.0.0.1', {port})) == 0)");
    let text = |network: &str| {
        format!("build = \"python3 -c \\\"{connect}\\\" > out\"\ntest = \"cat out\"\n{network}files = [\"out\"]")
    };
    let reached = |network: &str| {
        let world = one(&text(network));
        let built = world.built();
        assert_eq!(
            world.not_isolated(),
            None,
            "this test needs mount namespaces: run it as root, or where users have them"
        );
        let written = seaworthy_host::files::read(&world.path("a/out")).expect("there");
        let recorded =
            attached(&world, &built)[1]["predicate"]["buildDefinition"]["internalParameters"]["network"].clone();
        (String::from_utf8(written).expect("UTF-8").trim().to_owned(), recorded)
    };
    assert_eq!(reached("build_network = \"none\"\n"), ("False".to_owned(), Value::from("none")));
    // Nothing but the declaration keeps it off.
    assert_eq!(reached(""), ("True".to_owned(), Value::from("that of the machine")));
}

#[test]
fn what_it_may_reach_is_part_of_what_a_build_is_known_by() {
    let world = one("build = \"cp x out\"\nfiles = [\"out\"]");
    world.built();
    world.write(
        "seaworthy.toml",
        &format!("{MANIFEST}build = \"cp x out\"\nfiles = [\"out\"]\nbuild_network = \"none\"\n"),
    );
    world.built();
    assert_eq!(world.done(), ["a build"]);
    world.built();
    assert_eq!(world.done(), ["a unchanged"]);
}
