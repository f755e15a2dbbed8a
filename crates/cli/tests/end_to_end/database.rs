//! A real database as a service of the app: PostgreSQL from Debian's packages, behind the walls, over `tcp`.

use crate::support::manifest::{Service, app};
use crate::support::world::World;
use std::path::Path;

/// The version that this Debian has.
fn version() -> String {
    let versions = std::fs::read_dir(Path::new("/usr/lib/postgresql")).expect("PostgreSQL (package postgresql)");
    let names = versions.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.max_by_key(|name| name.parse::<u32>().unwrap_or(0)).expect("PostgreSQL (package postgresql)")
}

#[test]
fn a_postgresql_from_debian_packages_keeps_what_it_is_told_through_deployments() {
    let bin = format!("/usr/lib/postgresql/{}/bin", version());
    let manifest = |setting: &str| {
        let database = Service::without_folder("database").line("protocol = \"tcp\"").line("port = 5432");
        let database = database.line("update = \"replace\"").line("volumes.data = \"/data\"");
        let database = database.line(&format!("base = [\"postgresql-{}\", \"dash\", \"coreutils\"]", version()));
        let prepare = "test -e /data/db/PG_VERSION || exec $BIN/initdb --auth=trust --username=app --no-sync \
                       --no-locale --encoding=UTF8 -D /data/db";
        let database = database.line(&format!("before = [\"sh\", \"-c\", \"{prepare}\"]")).env("BIN", &bin);
        let options = format!("\"-k\", \"/tmp\", \"-h\", \"127.0.0.1\", \"-c\", \"work_mem={setting}\"");
        let database = database.line(&format!("run = [\"{bin}/postgres\", \"-D\", \"/data/db\", {options}]"));
        let web = Service::web("web", "v").line("calls = [\"database\"]").env("PGHOST", "${database.host}");
        let web = web.line(&format!("base = [\"postgresql-client-{}\"]", version()));
        app(&[web, database.line("start_timeout = \"60s\"")], &[])
    };
    let world = World::new();
    world.deploy(&manifest("4MB"));
    let psql = format!("{bin}/psql");
    let ask = |sql: &str| {
        let words = ["exec", "dev", "web", "--", &psql, "-U", "app", "-d", "postgres", "-At", "-c", sql];
        world.run(&words).expect(0).stdout.trim().to_owned()
    };
    ask("CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, 1000)");
    assert_eq!(ask("SELECT sum(id) FROM orders"), "500500");
    assert_eq!(ask("SHOW work_mem"), "4MB");
    // Another setting is another instance on the same volume: one ends before the other begins.
    world.deploy(&manifest("8MB"));
    assert_eq!((ask("SHOW work_mem"), ask("SELECT count(*) FROM orders")), ("8MB".to_owned(), "1000".to_owned()));
    // Nobody else has it: not the machine, not its own network.
    assert!(std::net::TcpStream::connect(("127.0.0.1", 5432)).is_err() || !postgres_of(&world));
}

/// Whether the machine's own network has a PostgreSQL of this world.
fn postgres_of(world: &World) -> bool {
    use crate::support::processes::{Role, listening_ports};
    let programs: Vec<_> = world.processes().into_iter().filter(|process| process.role == Role::Program).collect();
    let ours = programs.into_iter().filter(|process| crate::support::processes::shares_our_network(process.pid));
    !listening_ports(&ours.collect::<Vec<_>>()).is_empty()
}
