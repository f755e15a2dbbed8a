//! The example that moves money, on a node: whatever is killed in the middle of it, every invoice is paid exactly once.

use crate::support::http::{Connection, Response};
use crate::support::postgres::Postgres;
use crate::support::processes::kill_if_there;
use crate::support::world::{World, tell};
use crate::support::{alone, wait_for};
use seaworthy_host::process;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SERVICES: [&str; 2] = ["invoice-app", "payment-provider"];
const APP: &str = "dev.invoices.localhost";
/// A route that only this test has, to read the provider's own books.
const BOOKS: &str = "dev.books.localhost";
/// Three of `invoice-app`, two of `payment-provider`.
const INSTANCES: usize = 5;
const CALLERS: usize = 8;
const INVOICES: usize = 1000;
/// Fewer kills than this show nothing.
const KILLS_MIN: u64 = 6;
/// The provider says so when an order comes again: a kill fell between a payment and its answer.
const REPLAYED: &str = "a repeated order got its first answer";

#[test]
fn are_paid_exactly_once_with_sqlite() {
    paid_exactly_once(None);
}

#[test]
fn are_paid_exactly_once_with_postgresql() {
    paid_exactly_once(Some(&Postgres::start()));
}

fn paid_exactly_once(postgres: Option<&Postgres>) {
    let programs = programs();
    let _alone = alone();
    let world = World::new();
    for (service, program) in SERVICES.iter().zip(programs) {
        install(&world, service, program);
    }
    world.write_manifest(&manifest(postgres));
    world.up();
    let kills = pay_and_kill(&world);
    wait_for("every instance's return", Duration::from_secs(60), || (pids(&world).len() == INSTANCES).then_some(()));
    let problem = wrong_books(&world);
    assert_eq!(problem, None);
    let said = world.run(&["logs", "dev", "payment-provider", "--lines", "100000"]).expect(0).stdout;
    assert!(said.contains(REPLAYED), "no kill fell between a payment and its answer: this run has shown nothing");
    // The proof is worth something only if it fails when an invoice was paid twice.
    pay_twice(&world);
    assert!(wrong_books(&world).is_some_and(|problem| problem.contains("twice")), "a double payment went unnoticed");
    tell(&format!("{INVOICES} invoices, {kills} kills"));
}

/// Tries to connect from within a service, and prints what became of each. Instances with networks of their own may
/// have the same port: what answers there is the service itself.
const CONNECT: &str = "import os, socket, sys
for to in sys.argv[1:]:
    if to == '127.0.0.1:' + os.environ['PORT']:
        print('no', 'other than this service itself')
        continue
    try:
        socket.create_connection(to.rsplit(':', 1), 2).close()
        print('connected')
    except OSError as error:
        print('no', error)
";

/// The other example's service in Python, deployed beside.
fn echo(world: &World, isolation: &str) -> String {
    let folder = example().join("../unstoppable-echo/echo-python");
    let files = ["uecho", "connection", "log", "phrase", "request", "response", "server", "settings"];
    std::fs::create_dir_all(world.app.join("echo")).expect("the app's folder");
    for file in files {
        std::fs::copy(folder.join(file).with_extension("py"), world.app.join("echo").join(format!("{file}.py")))
            .expect("a file of the example");
    }
    let files = files.map(|file| format!("\"{file}.py\"")).join(", ");
    let text = format!(
        "app = \"echo\"\n[services.echo-python]\npath = \".\"\nbase = [\"python3\"]\nfiles = [{files}]\n\
         run = [\"python3\", \"uecho.py\"]\nhealth = \"/healthz\"\n\
         [environments.dev]\nisolation = \"{isolation}\"\n"
    );
    world.write("echo/seaworthy.toml", &text);
    "echo/seaworthy.toml".to_owned()
}

#[test]
fn the_provider_answers_its_caller_and_does_not_exist_for_an_echo_service() {
    let programs = programs();
    for isolation in ["sandbox", "none"] {
        let world = World::new();
        for (service, program) in SERVICES.iter().zip(programs) {
            install(&world, service, program);
        }
        let isolated = format!("[environments.dev]\nisolation = \"{isolation}\"\n");
        world.write_manifest(&manifest(None).replace("[environments.dev]\n", &isolated));
        world.up();
        let paid = post(world.port, APP, "/invoices/pay", "", "").expect("an answer");
        assert_eq!(paid.status, 200, "the provider does not answer its caller: {}", paid.text());
        let echo = echo(&world, isolation);
        world.run(&["up", "--file", &echo]).expect(0);
        let dev = world.dev();
        let provider = dev["services"].as_array().into_iter().flatten().find(|one| one["service"] == SERVICES[1]);
        let address = provider.expect("the provider")["instances"][0]["address"].as_str().expect("an address");
        let (_, port) = address.rsplit_once(':').expect("a port");
        let by_number = [format!("127.0.0.1:{port}"), format!("127.1.0.1:{port}"), "127.1.0.1:80".to_owned()];
        let mut words = vec!["exec", "dev", "echo-python", "--file", &echo, "--", "python3", "-c", CONNECT];
        words.extend(["payment-provider:80", "payment-provider:8082"]);
        words.extend(by_number.iter().map(String::as_str));
        let said = world.run(&words).expect(0).stdout;
        let connected = said.lines().filter(|line| *line == "connected").count();
        // Without a sandbox the provider's port is everybody's: the attempt would see that the wall is missing.
        assert_eq!(said.lines().count(), 5);
        assert_eq!(connected > 0, isolation == "none", "{isolation}: {said}");
    }
}

/// The example's own executables, built where a build of the example by hand would have them.
fn programs() -> &'static [PathBuf; 2] {
    static PROGRAMS: OnceLock<[PathBuf; 2]> = OnceLock::new();
    PROGRAMS.get_or_init(|| SERVICES.map(build))
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/invoices")
}

fn build(service: &str) -> PathBuf {
    let folder = example().join(service);
    let mut cargo = process::command(env!("CARGO"));
    cargo.args(["build", "--release", "--locked", "--quiet"]).current_dir(&folder);
    let wanted = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    for name in wanted {
        cargo.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    // A test that is started by itself must not change the machine's Rust.
    cargo.env("RUSTUP_AUTO_INSTALL", "0");
    let output = cargo.output().expect("cargo");
    assert!(output.status.success(), "{service}: {}", String::from_utf8_lossy(&output.stderr));
    folder.join("target/release").join(service)
}

/// Puts a service's executable and checks where the manifest says that they are.
fn install(world: &World, service: &str, program: &Path) {
    let folder = world.app.join(service);
    std::fs::create_dir_all(folder.join("target/release")).expect("the app's folder");
    std::fs::copy(program, folder.join("target/release").join(service)).expect("the program");
    std::fs::create_dir(folder.join("checks")).expect("the app's folder");
    for check in std::fs::read_dir(example().join(service).join("checks")).expect("checks").flatten() {
        std::fs::copy(check.path(), folder.join("checks").join(check.file_name())).expect("a check");
    }
}

/// The example's own manifest; what is built is there already, and there is more to pay.
fn manifest(postgres: Option<&Postgres>) -> String {
    let text = std::fs::read_to_string(example().join("seaworthy.toml")).expect("the manifest");
    let kept = |line: &&str| !line.starts_with("build") && !line.starts_with("test");
    let mut text = text.lines().filter(kept).collect::<Vec<_>>().join("\n");
    let mut replace = |old: &str, new: &str| {
        assert!(text.contains(old), "no `{old}` in the manifest");
        text = text.replacen(old, new, 1);
    };
    let seed = format!("replicas = 3\nenv.CLAIM_SECONDS = \"1\"\nenv.INVOICES_SEED = \"{INVOICES}\"\n");
    replace("[services.invoice-app]\n", &format!("[services.invoice-app]\n{seed}"));
    replace(
        "[services.payment-provider]\n",
        "[services.payment-provider]\nreplicas = 2\nenv.ANSWER_DELAY_MS = \"250\"\n",
    );
    replace(
        "[routes.invoices]",
        "[routes.books]\nhost = \"books.localhost\"\nservice = \"payment-provider\"\n\n[routes.invoices]",
    );
    if let Some(postgres) = postgres {
        replace("sqlite://${volumes.data}/invoices.db", &postgres.database("invoices"));
        replace("sqlite://${volumes.data}/payments.db", &postgres.database("payments"));
        // The server listens on this machine's own loopback, and each service's sandbox has one way to it.
        let egress = format!("egress = [{{ to = \"127.0.0.1:{}\", node = true }}]\n", postgres.port);
        for service in SERVICES {
            let section = format!("[services.{service}]\n");
            replace(&section, &format!("{section}{egress}"));
        }
    }
    text
}

/// Pays from many clients at once until nothing is left, and kills meanwhile; how many it killed.
fn pay_and_kill(world: &World) -> u64 {
    let (done, calls, kills) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let (port, until) = (world.port, Instant::now() + Duration::from_secs(150));
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) && Instant::now() < until {
                    // A call that is cut off says nothing; the next one finds what it left.
                    let paid = post(port, APP, "/invoices/pay", "", "").ok().filter(|answer| answer.status == 200);
                    let report = paid.and_then(|answer| serde_json::from_slice::<Value>(&answer.body).ok());
                    if report.is_some_and(|report| report["remaining"] == 0) {
                        done.store(true, Ordering::Relaxed);
                    }
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut turn = 0;
        while !done.load(Ordering::Relaxed) && Instant::now() < until {
            // One after the other, each when all are there again: what is killed more often waits longer to come back.
            if let Some(pid) =
                Some(pids(world)).filter(|pids| pids.len() == INSTANCES).map(|pids| pids[turn % INSTANCES])
            {
                kill_if_there(pid);
                kills.fetch_add(1, Ordering::Relaxed);
                turn += 3; // 0, 3, 1, 4, 2: both services in turn
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let (calls, kills) = (calls.into_inner(), kills.into_inner());
    assert!(Instant::now() < until, "not all invoices were paid in time, by {calls} calls, with {kills} kills");
    assert!(kills >= KILLS_MIN, "only {kills} kills: this run has shown nothing");
    kills
}

/// The programs that run, those of `invoice-app` first.
fn pids(world: &World) -> Vec<u32> {
    let dev = world.dev();
    let services = dev["services"].as_array().into_iter().flatten();
    let instances = services.flat_map(|service| service["instances"].as_array().into_iter().flatten());
    instances.filter_map(|instance| u32::try_from(instance["pid"].as_u64()?).ok()).collect()
}

/// What is wrong with the provider's books beside what was due.
fn wrong_books(world: &World) -> Option<String> {
    let invoices = all(world, APP, "/invoices", "invoices");
    let payments = all(world, BOOKS, "/payments", "payments");
    let key = |entry: &Value| format!("{} {} {}", entry["id"], entry["value"], entry["currency"]);
    let due: BTreeSet<String> = invoices.iter().map(key).collect();
    let paid: BTreeSet<String> = payments.iter().map(key).collect();
    let unpaid = invoices.iter().filter(|invoice| invoice["state"] != "paid").count();
    if invoices.len() != INVOICES || due.len() != INVOICES || unpaid > 0 {
        return Some(format!("{} invoices, {} of them told apart, {unpaid} unpaid", invoices.len(), due.len()));
    }
    if due != paid {
        let (missing, extra) = (due.difference(&paid).count(), paid.difference(&due).count());
        return Some(format!("{missing} are not in the provider's books, {extra} are that were not due"));
    }
    (payments.len() != INVOICES).then(|| format!("{} were paid twice", payments.len() - INVOICES))
}

/// The whole of a listing, page after page.
fn all(world: &World, host: &str, path: &str, name: &str) -> Vec<Value> {
    let (mut entries, mut after) = (Vec::new(), String::new());
    loop {
        let answer = Connection::open(world.port).and_then(|mut c| c.get(host, &format!("{path}?after={after}")));
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page: Value = serde_json::from_slice(&answer.body).expect("JSON");
        entries.extend(page[name].as_array().expect("a list").iter().cloned());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return entries,
        }
    }
}

fn pay_twice(world: &World) {
    let invoice = all(world, APP, "/invoices", "invoices").swap_remove(0);
    let order = serde_json::json!({ "id": invoice["id"], "value": invoice["value"], "currency": invoice["currency"] });
    let fields = "content-type: application/json\r\nidempotency-key: another-key\r\n";
    let answer = post(world.port, BOOKS, "/payments/pay", fields, &order.to_string()).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn post(port: u16, host: &str, path: &str, fields: &str, body: &str) -> io::Result<Response> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: {host}\r\n{fields}content-length: {length}\r\n\r\n");
    Connection::open(port)?.send(&head, body.as_bytes())
}
