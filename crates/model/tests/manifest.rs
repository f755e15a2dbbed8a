//! Whole manifests that are right.

use seaworthy_diagnostics::render;
use seaworthy_model::Name;
use seaworthy_model::manifest::{Manifest, parse, schema};
use seaworthy_model::service::{Health, Port};

fn read(text: &str) -> Manifest {
    parse("seaworthy.toml", text)
        .unwrap_or_else(|errors| panic!("{}", errors.iter().map(|e| render(e, false)).collect::<String>()))
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

#[test]
fn unstoppable_echo_is_read() {
    let manifest = read(include_str!("manifests/unstoppable-echo.toml"));
    assert_eq!(manifest.services.len(), 5);
    let python = &manifest.services[&name("echo-python")];
    assert_eq!((python.path.as_str(), python.service.port), ("echo-python", Port::Given));
    assert_eq!(manifest.services[&name("echo-rust")].service.health, Health::Path("/healthz".into()));
    insta::assert_debug_snapshot!(manifest.routes);
    insta::assert_debug_snapshot!(manifest.environments);
}

#[test]
fn invoices_is_read() {
    let manifest = read(include_str!("manifests/invoices.toml"));
    assert!(manifest.environments.contains_key(&name("dev")), "dev exists though it is not written");
    insta::assert_debug_snapshot!(manifest.services);
}

#[test]
fn every_key_is_read() {
    insta::assert_debug_snapshot!(read(include_str!("manifests/every-key.toml")));
}

#[test]
fn the_least_manifest_is_read() {
    let manifest = read("app = \"a\"\n[services.a]\nrun = [\"./a\"]\n");
    assert_eq!(manifest.production, name("prod"));
}

#[test]
fn the_schema_is_this() {
    insta::assert_json_snapshot!(schema());
}

#[test]
fn the_examples_are_read() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut read = 0;
    for folder in std::fs::read_dir(examples).expect("the examples").flatten() {
        if let Ok(text) = std::fs::read_to_string(folder.path().join("seaworthy.toml")) {
            self::read(&text);
            read += 1;
        }
    }
    assert!(read >= 2, "{read} manifests");
}
