//! Images: the same wherever they are built, read by other tools, and told apart when they differ.

use crate::support::accounts::Account;
use crate::support::disk::Mounted;
use crate::support::http;
use crate::support::manifest::{Service, app, small};
use crate::support::processes::Role;
use crate::support::registry::tool;
use crate::support::world::{World, tell};
use seaworthy_host::process::command;
use seaworthy_image::difference::{Side, first};
use seaworthy_image::layout::Layout;
use seaworthy_image::{Limits, oci};
use serde_json::Value;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An app that comes with the project: its folder, how many instances it has in `prod`, and a page of it.
struct Example {
    name: &'static str,
    instances: usize,
    host: &'static str,
    page: &'static str,
    says: &'static str,
}

const ECHO: Example = Example {
    name: "unstoppable-echo",
    instances: 10,
    host: "echo.localhost",
    page: "/hi!",
    says: "hi! right back at ya!",
};
const INVOICES: Example =
    Example { name: "invoices", instances: 6, host: "invoices.localhost", page: "/invoices", says: "" };

/// What an image may weigh, in bytes, by the end of its service's name; others have a library or an interpreter more.
const SIZES_MAX: [(&str, u64); 3] = [("-python", 40_000_000), ("-go", 8_000_000), ("-rust", 8_000_000)];

/// A commit with the files of an example, as git would hold them, at another moment for everybody; tests are left out,
/// because they take long and make nothing.
fn repository(example: &Example, at: &Path, moment: &str) {
    let run = |program: &str, arguments: &[&str], folder: &Path| {
        let mut command = command(program);
        command.args(arguments).current_dir(folder).env("PATH", std::env::var_os("PATH").expect("a PATH"));
        command.env("HOME", "/nonexistent").env("GIT_COMMITTER_DATE", moment).env("GIT_AUTHOR_DATE", moment);
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let of = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(example.name);
    let files = run("git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."], &of);
    for file in String::from_utf8(files).expect("UTF-8").split('\0').filter(|file| !file.is_empty()) {
        let to = at.join(file);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        std::fs::copy(of.join(file), to).expect("copied");
    }
    let manifest = at.join("seaworthy.toml");
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("test ")).collect();
    seaworthy_host::files::write_atomic(&manifest, kept.join("\n").as_bytes(), 0o644).expect("written");
    run("git", &["init", "--quiet"], at);
    run("git", &["add", "--all"], at);
    let who = ["-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "--quiet", "--message", "x"];
    run("git", &who, at);
}

/// What somebody's verb printed, which must end well.
fn run(mut command: Command, umask: u32) -> Vec<u8> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: `umask` is one system call that cannot fail.
    unsafe {
        command.pre_exec(move || {
            nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(umask));
            Ok(())
        })
    };
    let output = command.spawn().expect("the binary").wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// What `image ls --json` says: service, digest and size.
fn listed(printed: &[u8]) -> Vec<(String, String, u64)> {
    let images: Vec<Value> = serde_json::from_slice(printed).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one =
        |image: &Value| (text(&image["service"]), text(&image["image"]), image["size_bytes"].as_u64().unwrap_or(0));
    images.iter().map(one).collect()
}

/// Whoever runs the tests builds a commit and brings it to `prod`; then another user of this machine, with another
/// home, umask, time zone and language, builds the same files in another folder.
fn everybody_builds_the_same(example: &Example) {
    let world = World::new();
    let app = world.app.join("a/folder/of/its/own");
    std::fs::create_dir_all(&app).expect("a folder");
    repository(example, &app, "2021-01-01T00:00:00+00:00");
    let verb = |words: &[&str]| {
        let mut command = world.command(words);
        borrow_toolchains(&mut command);
        command.current_dir(&app).env("TZ", "UTC").env("LANG", "C");
        run(command, 0o022)
    };
    // Which builds the commit: once, and as a first build is.
    verb(&["up", "prod"]);
    let ours = listed(&verb(&["image", "ls", "--json"]));
    let sizes: Vec<String> = ours.iter().map(|(service, _, size)| format!("{service} {size} bytes")).collect();
    tell(&sizes.join(", "));
    for (end, most) in SIZES_MAX {
        let large = ours.iter().find(|(service, _, size)| service.ends_with(end) && *size > most);
        assert!(large.is_none(), "{large:?} is larger than {most}");
    }
    assert_eq!(world.count(Role::Program), example.instances);
    let answer = http::get(world.port, example.host, example.page).expect("an answer");
    assert!(answer.status == 200 && answer.text().contains(example.says), "{}", answer.text());

    let stranger = Stranger::new(example);
    stranger.verb(&["build", "--commit"]);
    let theirs = listed(&stranger.verb(&["image", "ls", "--json"]));
    if let Some((service, ..)) = ours.iter().find(|image| !theirs.contains(image)) {
        let export = ["image", "export", service, "layout"];
        verb(&export);
        stranger.verb(&export);
        panic!("`{service}` is not the same: {}", difference(&app.join("layout"), &stranger.app.join("layout")));
    }
    assert_eq!(ours, theirs);
}

/// The first thing that differs between the images of two layouts.
fn difference(one: &Path, other: &Path) -> String {
    let layouts = [one, other].map(|folder| Layout::open(folder).expect("a layout"));
    let images = layouts.each_ref().map(|(layout, digest)| oci::image(layout, digest).expect("an image"));
    let side = |index: usize| Side { source: &layouts[index].0, image: &images[index] };
    first(side(0), side(1), &Limits::default()).expect("whole images").unwrap_or_else(|| "nothing differs".to_owned())
}

/// Another user, who finds toolchains and this program where everybody may go.
struct Stranger {
    account: Account,
    app: PathBuf,
    program: PathBuf,
    path: String,
    variables: Vec<(&'static str, PathBuf)>,
    _lent: Option<Mounted>,
    _folder: tempfile::TempDir,
}

impl Stranger {
    fn new(example: &Example) -> Self {
        let folder = tempfile::Builder::new().prefix("seaworthy-other-").tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))
            .expect("own folder");
        let account = Account::new(folder.path(), &[]);
        let app = account.home.join("work");
        std::fs::create_dir(&app).expect("a folder");
        repository(example, &app, "2024-06-01T12:34:56+02:00");
        let binary = Path::new(env!("CARGO_BIN_EXE_seaworthy"));
        for name in ["seaworthy", "seaworthy-check"] {
            std::fs::copy(binary.with_file_name(name), folder.path().join(name)).expect("a copy of the program");
        }
        let usual = std::env::var("PATH").expect("a PATH");
        let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
        let of = |name: &str, below: &str| std::env::var_os(name).map_or_else(|| home.join(below), PathBuf::from);
        let cargo = account.home.join("cargo");
        std::fs::create_dir(&cargo).expect("a folder");
        // Where crates come from may be a mirror.
        let settings = of("CARGO_HOME", ".cargo").join("config.toml");
        if settings.is_file() {
            std::fs::copy(settings, cargo.join("config.toml")).expect("a copy");
        }
        let mut variables = vec![("CARGO_HOME", cargo)];
        let rustup = of("RUSTUP_HOME", ".rustup");
        let lent = rustup.is_dir().then(|| {
            let at = folder.path().join("rustup");
            variables.push(("RUSTUP_HOME", at.clone()));
            Mounted::again(&rustup, &at)
        });
        let mut rustc = command("rustc");
        borrow_toolchains(&mut rustc);
        let root = rustc.args(["--print", "sysroot"]).output().expect("rustc").stdout;
        let root = PathBuf::from(String::from_utf8_lossy(&root).trim());
        let path = match root.strip_prefix(&rustup) {
            Ok(within) => format!("{}:{usual}", folder.path().join("rustup").join(within).join("bin").display()),
            Err(_) => usual,
        };
        let owned = command("/bin/chown").arg("--recursive").arg(account.uid.to_string()).arg(&account.home).output();
        assert!(owned.expect("chown").status.success());
        let program = folder.path().join("seaworthy");
        Self { account, app, program, path, variables, _lent: lent, _folder: folder }
    }

    fn verb(&self, words: &[&str]) -> Vec<u8> {
        let mut command = self.account.command(&self.program);
        command.args(words).current_dir(&self.app).stdin(Stdio::null()).env("PATH", &self.path);
        command.env("SEAWORTHY_HOME", self.account.home.join("state")).envs(self.variables.iter().cloned());
        command.env("TZ", "Pacific/Kiritimati").env("LANG", "tr_TR.UTF-8").env("LC_ALL", "tr_TR.UTF-8");
        run(command, 0o077)
    }
}

/// The toolchains of whoever runs the tests, by paths of a home that is not that of the person who builds.
fn borrow_toolchains(command: &mut Command) {
    command.env("PATH", std::env::var_os("PATH").expect("a PATH"));
    let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
    for (name, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        command.env(name, std::env::var_os(name).unwrap_or_else(|| home.join(below).into_os_string()));
    }
}

#[test]
fn the_echo_services_are_the_same_whoever_builds_them_and_run_in_prod() {
    everybody_builds_the_same(&ECHO);
}

#[test]
fn the_invoice_services_are_the_same_whoever_builds_them_and_run_in_prod() {
    everybody_builds_the_same(&INVOICES);
}

#[test]
fn what_differs_from_build_to_build_is_named() {
    let manifest = |line: &str| {
        let service = format!("path = \".\"\nbuild = \"{line}\"\nfiles = [\"out\"]\nrun = [\"out\"]\nport = false\n");
        format!("app = \"odd\"\n[services.clock]\n{service}")
    };
    let world = World::with(&manifest("echo always > out"));
    let ran = world.run(&["build", "--verify"]).expect(0);
    assert!(ran.stdout.starts_with("clock: ") && ran.stdout.contains("both times"), "{}", ran.stdout);
    world.write_manifest(&manifest("date +%s%N > out"));
    let ran = world.run(&["build", "--verify"]).expect(2);
    assert!(ran.stdout.contains("layer 1: `app/out`: differs from byte"), "{}", ran.stdout);
    let layout = |name: &str| {
        world.run(&["build", "--update"]).expect(0);
        world.run(&["image", "export", "clock", name]).expect(0);
        world.app.join(name)
    };
    let (one, other) = (layout("one"), layout("other"));
    assert_eq!(difference(&one, &one), "nothing differs");
    assert!(difference(&one, &other).starts_with("layer 1: `app/out`: differs from byte"));
}

#[test]
fn images_are_listed_looked_into_and_read_by_other_tools() {
    let world = World::with(&small("one"));
    world.run(&["image", "inspect", "web"]).expect(1).says("`seaworthy build` builds them");
    world.run(&["build"]).expect(0);
    let listed: Vec<Value> =
        serde_json::from_str(&world.run(&["image", "ls", "--json"]).expect(0).stdout).expect("JSON");
    let digest = listed[0]["image"].as_str().expect("a digest");
    let inspected = world.run(&["image", "inspect", "web"]).expect(0).stdout;
    for part in [digest, "`files`: subject, 1 file", "/app/subject"] {
        assert!(inspected.contains(part), "no `{part}` in:\n{inspected}");
    }
    let bill = world.run(&["image", "inspect", "web", "--sbom"]).expect(0).stdout;
    let bill: Value = serde_json::from_str(&bill).expect("JSON");
    assert_eq!((bill["bomFormat"].as_str(), bill["specVersion"].as_str()), (Some("CycloneDX"), Some("1.6")));
    let origin = world.run(&["image", "inspect", "web", "--provenance"]).expect(0).stdout;
    let origin: Value = serde_json::from_str(&origin).expect("JSON");
    assert_eq!(origin["predicateType"], "https://slsa.dev/provenance/v1");

    world.run(&["image", "export", "web", "layout"]).expect(0);
    world.run(&["image", "export", "web", "layout"]).expect(2).says("is there already");
    world.run(&["image", "export", "web", "layout.tar"]).expect(0);
    for source in ["oci:layout", "oci:layout:web", "oci-archive:layout.tar"] {
        let seen: Value = serde_json::from_slice(&tool(&world, "skopeo", &["inspect", source])).expect("JSON");
        assert_eq!((&seen["Digest"], &seen["Os"]), (&Value::from(digest), &Value::from("linux")), "{source}");
    }
    tool(&world, "umoci", &["unpack", "--image", "layout:web", "bundle"]);
    let unpacked = std::fs::read(world.app.join("bundle/rootfs/app/subject")).expect("unpacked");
    assert_eq!(unpacked, std::fs::read(world.app.join("subject")).expect("the original"));
    let config = std::fs::read(world.app.join("bundle/config.json")).expect("a bundle");
    let config: Value = serde_json::from_slice(&config).expect("JSON");
    assert_eq!(
        (&config["process"]["user"]["uid"], &config["process"]["cwd"]),
        (&Value::from(65532), &Value::from("/app"))
    );
}

#[test]
fn locking_what_a_first_build_stands_on_does_not_make_it_another_build() {
    for more in [&[][..], &["--commit"]] {
        let world = World::new();
        let web = Service::web("web", "one").line("test = \"true\"");
        // All of the folder: that the lock appears in it is no change of the image.
        world.write_manifest(&app(&[web.line("files = [\".\"]")], &[]));
        world.commit();
        let words = [&["build"][..], more].concat();
        let first = world.run(&words).expect(0).says("locked in").says("test ok web");
        let release = |stdout: &str| stdout.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let again = world.run(&words).expect(0).says("unchanged web");
        assert!(!again.stderr.contains("test ok"), "{}", again.stderr);
        assert_eq!(release(&first.stdout), release(&again.stdout));
        world.commit();
        let committed = world.run(&words).expect(0).says("unchanged web");
        assert_eq!(release(&first.stdout), release(&committed.stdout));
        world.write("page", "two");
        world.commit();
        world.run(&words).expect(0).says("test ok web");
    }
}
