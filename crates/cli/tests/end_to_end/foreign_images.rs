//! Images that others made: from a registry as they are, as bases, from a Dockerfile; and ours, into a registry.

use crate::support::http;
use crate::support::manifest::{HOST, Service, app, small};
use crate::support::processes::Role;
use crate::support::registry::{Registry, builder_settings, tool};
use crate::support::world::{Ran, World};
use serde_json::Value;
use std::fs;
use std::process::Stdio;

/// An image of the subject as a layout `layout:web`, changed by umoci so that it is nobody's here: another working
/// folder, and a version in its environment.
fn foreign(world: &World, version: &str) {
    world.write_manifest(&small("unused"));
    world.run(&["build"]).expect(0);
    let _ = fs::remove_dir_all(world.app.join("layout"));
    world.run(&["image", "export", "web", "layout"]).expect(0);
    let variable = format!("VERSION={version}");
    let words = ["config", "--image", "layout:web", "--config.env", &variable, "--config.workingdir", "/var"];
    let entry = ["--config.entrypoint", "/app/subject", "--config.user", "0:0"];
    tool(world, "umoci", &[&words[..], &entry].concat());
}

/// An app of one service that is an image, in three instances in `prod`.
fn as_it_is(image: &str, lines: &str) -> String {
    format!(
        "app = \"given\"\n[services.web]\nimage = \"{image}\"\nhealth = \"/healthz\"\nhealthy_for = \"0s\"\n{lines}\n\
         [routes.web]\nhost = \"web.localhost\"\nservice = \"web\"\n\
         [environments.dev]\n[environments.prod]\nreplicas = 3\nshift = [\"100%\"]\nbake = \"0s\"\n"
    )
}

fn lock(world: &World) -> String {
    fs::read_to_string(world.app.join("seaworthy.lock")).expect("a lock")
}

#[test]
fn an_image_runs_as_it_is_and_a_tag_means_what_it_meant_first() {
    let (world, registry) = (World::new(), Registry::start());
    foreign(&world, "first");
    let name = registry.push(&world, "layout:web", "shop/web:1");
    world.write_manifest(&as_it_is(&name, ""));
    world.run(&["up", "prod"]).expect(0);
    assert_eq!(world.count(Role::Program), 3);
    let page = || http::get(world.port, "web.localhost", "/").expect("an answer").text();
    assert_eq!(page(), "first", "the version is in the image's own environment");
    let first = lock(&world);
    assert!(first.contains(&format!("\"{name}\" = \"sha256:")), "{first}");

    foreign(&world, "second");
    registry.push(&world, "layout:web", "shop/web:1");
    world.write_manifest(&as_it_is(&name, ""));
    world.run(&["up", "prod"]).expect(0);
    assert_eq!((page().as_str(), lock(&world)), ("first", first.clone()));
    world.run(&["build", "--update"]).expect(0).says("locked in");
    assert_ne!(lock(&world), first);
    world.run(&["up", "prod"]).expect(0);
    assert_eq!(page(), "second");
    // What the manifest says comes before what the image says; a digest needs no registry once it is here.
    let digest = lock(&world).split('"').find(|text| text.starts_with("sha256:")).expect("a digest").to_owned();
    drop(registry);
    let pinned = format!("{}@{digest}", name.trim_end_matches(":1"));
    world.write_manifest(&as_it_is(&pinned, "env.VERSION = \"own\"\nrun = [\"/app/subject\"]"));
    world.run(&["up", "prod"]).expect(0);
    assert_eq!(page(), "own");
    let origin = world.run(&["image", "inspect", "web", "--provenance"]).expect(0).stdout;
    assert!(origin.contains(&digest), "{origin}");
}

#[test]
fn what_cannot_run_is_refused_in_words() {
    let (world, registry) = (World::new(), Registry::start());
    foreign(&world, "x");
    tool(&world, "skopeo", &["--insecure-policy", "copy", "--quiet", "oci:layout:web", "oci:arm:web"]);
    tool(&world, "umoci", &["config", "--image", "arm:web", "--architecture", "arm64"]);
    tool(&world, "umoci", &["unpack", "--image", "layout:web", "bundle"]);
    let program = world.app.join("bundle/rootfs/app/subject");
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("own file");
    tool(&world, "umoci", &["repack", "--image", "layout:web", "bundle"]);

    let arm = registry.push(&world, "arm:web", "shop/arm:1");
    world.write_manifest(&as_it_is(&arm, ""));
    world.run(&["build"]).expect(1).says("only for `linux/arm64`").says("made for this machine");
    let locked = registry.push(&world, "layout:web", "shop/locked:1");
    world.write_manifest(&as_it_is(&locked, ""));
    world.run(&["up"]).expect(1).says("may not execute `/app/subject` (mode 700)").says("chmod +x");
    assert_eq!(world.count(Role::Program), 0);
    world.write_manifest(&as_it_is(&locked, "run = [\"nginx\"]"));
    world.run(&["up"]).expect(1).says("no program `nginx` in the image");
    let none = format!("{}/shop/none:1", registry.name);
    world.write_manifest(&as_it_is(&none, ""));
    world.run(&["build"]).expect(1).says("is not in its registry");
    world.write_manifest(&as_it_is("nginx:1", ""));
    world.run(&["build"]).expect(2).says("`nginx:1` is no image: it names no registry").says("docker.io/library/nginx");
    world.write_manifest(&as_it_is(&locked, "build = \"true\""));
    world.run(&["build"]).expect(2).says("exclude each other");
    let apart = as_it_is(&locked, "").replace("[environments.dev]", "[environments.dev]\nisolation = \"none\"");
    world.write_manifest(&apart);
    world.run(&["up"]).expect(1).says("runs in a sandbox only");
}

#[test]
fn files_stand_on_an_image_from_a_registry() {
    let (world, registry) = (World::new(), Registry::start());
    foreign(&world, "base");
    let name = registry.push(&world, "layout:web", "shop/base:1");
    let service = Service::web("web", "files").line(&format!("base = \"{name}\"")).line("env.VERSION = \"files\"");
    world.deploy(&app(&[service], &["replicas = 2"]));
    assert_eq!((world.text("/").as_str(), world.count(Role::Program)), ("files", 2));
    let inspected = world.run(&["image", "inspect", "web"]).expect(0).stdout;
    assert!(inspected.contains("`files`: subject") && inspected.contains("Debian package libc6 "), "{inspected}");
    // Nothing changed: nothing is asked, nothing is built.
    drop(registry);
    world.run(&["build"]).expect(0);
}

/// A verb with more in its environment.
pub(crate) fn run_with(world: &World, words: &[&str], settings: &[(&str, String)]) -> Ran {
    let mut command = world.command(words);
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("the binary");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    Ran { words: words.join(" "), code: output.status.code().unwrap_or(-1), stdout, stderr }
}

#[test]
fn a_dockerfile_is_built_by_the_tool_that_is_there() {
    let (world, registry) = (World::new(), Registry::start());
    foreign(&world, "base");
    let base = registry.push(&world, "layout:web", "shop/base:1");
    let settings = builder_settings(&world, &registry.name);
    let dockerfile = |version: &str| {
        let text = format!(
            "FROM {base}\nCOPY page /srv/page\nENV VERSION={version}\nWORKDIR /srv\nENTRYPOINT [\"/app/subject\"]\n"
        );
        world.write("web/Dockerfile", &text);
    };
    fs::create_dir(world.app.join("web")).expect("a folder");
    world.write("web/page", "hello");
    dockerfile("one");
    let service = "[services.web]\ndockerfile = \"Dockerfile\"\nhealth = \"/healthz\"\nhealthy_for = \"0s\"\n";
    let route = "[routes.web]\nhost = \"web.localhost\"\nservice = \"web\"\n";
    world.write_manifest(&format!("app = \"subject\"\n{service}{route}[environments.dev]\nreplicas = 2\n"));
    run_with(&world, &["plan"], &settings).expect(2).says("`web` is built from `Dockerfile`: not reproducible");
    run_with(&world, &["up"], &settings).expect(0).says("unchanged web");
    let page = || http::get(world.port, HOST, "/").expect("an answer").text();
    assert_eq!((page().as_str(), world.count(Role::Program)), ("one", 2));
    let origin = world.run(&["image", "inspect", "web", "--provenance"]).expect(0).stdout;
    let origin: Value = serde_json::from_str(&origin).expect("JSON");
    let definition = &origin["predicate"]["buildDefinition"];
    assert_eq!(definition["internalParameters"]["reproducible"], Value::from(false));
    assert_eq!(definition["externalParameters"]["dockerfile"], Value::from("Dockerfile"));
    assert!(definition["resolvedDependencies"].to_string().contains("buildah"), "{definition}");
    dockerfile("two");
    run_with(&world, &["up"], &settings).expect(0);
    assert_eq!(page(), "two");

    world.write("web/Dockerfile", "FROM scratch\nCOPY absent /\n");
    run_with(&world, &["build"], &settings).expect(1).says("`buildah` cannot build `web`").says("run it by hand");
    let empty = [("PATH", world.app.display().to_string())];
    run_with(&world, &["build"], &empty).expect(1).says("none of `buildah`, `podman`, `docker`");
}

#[test]
fn podman_and_docker_archives_build_the_same_way() {
    let (world, registry) = (World::new(), Registry::start());
    foreign(&world, "base");
    let base = registry.push(&world, "layout:web", "shop/base:1");
    let settings = builder_settings(&world, &registry.name);
    fs::create_dir_all(world.app.join("bin")).expect("a folder");
    world.write_manifest("app = \"one\"\n[services.web]\npath = \".\"\ndockerfile = \"Dockerfile\"\n");
    world.write("Dockerfile", &format!("FROM {base}\nCOPY Dockerfile /\nENTRYPOINT [\"/app/subject\"]\n"));
    // Podman alone is in PATH; then something that is called docker, and is podman with docker's kind of archive.
    let podman = "#!/bin/sh\nPATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin exec podman \"$@\"\n";
    let docker = "#!/bin/sh\nexport PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin\n\
        case $1 in save) shift; exec podman save --quiet --format docker-archive \"$@\" ;; *) exec podman \"$@\" ;; esac\n";
    for (name, script) in [("podman", podman), ("docker", docker)] {
        let _ = fs::remove_dir_all(world.app.join("bin"));
        fs::create_dir(world.app.join("bin")).expect("a folder");
        seaworthy_host::files::write_atomic(&world.app.join("bin").join(name), script.as_bytes(), 0o755)
            .expect("a script");
        for other in ["git", "cat"] {
            std::os::unix::fs::symlink(format!("/usr/bin/{other}"), world.app.join("bin").join(other)).expect("a link");
        }
        let mut settings = settings.clone();
        settings.push(("PATH", world.app.join("bin").display().to_string()));
        run_with(&world, &["build", "--json"], &settings).expect(0);
        let inspected = world.run(&["image", "inspect", "web"]).expect(0).stdout;
        assert!(inspected.contains("runs /app/subject"), "{name}: {inspected}");
        let origin = world.run(&["image", "inspect", "web", "--provenance"]).expect(0).stdout;
        assert!(origin.contains(&format!("\"name\":\"{name}\"")), "{origin}");
    }
}

#[test]
fn our_images_go_to_a_registry_with_what_belongs_to_them() {
    let (world, registry) = (World::new(), Registry::start());
    world.write_manifest(&small("pushed"));
    let there = format!("{}/team/web:1", registry.name);
    world.run(&["image", "push", "web", &there]).expect(1).says("`seaworthy build` builds them");
    world.run(&["build"]).expect(0);
    let digest = world.json(&["image", "ls"])[0]["image"].as_str().expect("a digest").to_owned();
    let pushed = world.run(&["image", "push", "web", &there]).expect(0).stdout;
    assert_eq!(pushed.trim(), format!("{there}@{digest}"));
    let seen = tool(&world, "skopeo", &["inspect", "--tls-verify=false", &format!("docker://{there}")]);
    let seen: Value = serde_json::from_slice(&seen).expect("JSON");
    assert_eq!(seen["Digest"], Value::from(digest.as_str()));
    // Debian's registry does not look for subjects itself: the list is under a tag.
    let list = format!("docker://{}/team/web:{}", registry.name, digest.replace(':', "-"));
    let list = tool(&world, "skopeo", &["inspect", "--raw", "--tls-verify=false", &list]);
    let list: Value = serde_json::from_slice(&list).expect("JSON");
    assert_eq!(list["manifests"].as_array().map(Vec::len), Some(2), "{list}");
    // Once more costs nothing and changes nothing.
    world.run(&["image", "push", "web", &there]).expect(0);
    let wrong = format!("{}/team/web@{digest}", registry.name);
    world.run(&["image", "push", "web", &wrong]).expect(1).says("push to a tag");
    world.run(&["image", "push", "web", "team/web"]).expect(1).says("it names no registry");
    let nobody = format!("127.0.0.1:{}/team/web", crate::support::world::free_port());
    world.run(&["image", "push", "web", &nobody]).expect(1).says("cannot be reached");
}
