//! What `init` writes for what lies in a folder.

mod common;

use common::World;
use proptest::prelude::*;
use seaworthy_diagnostics::Fault;
use seaworthy_host::files::create_directory;
use seaworthy_model::manifest::{Manifest, parse};
use seaworthy_pipeline::discover::{Networks, discover};

/// A folder with a steady name, so that the app has one.
fn written(files: &[(&str, &str)]) -> String {
    let world = World::new();
    for (path, text) in files {
        world.write(&format!("shop/{path}"), text);
    }
    discover(&world.path("shop"), Networks::Own).unwrap_or_else(|error| panic!("{}", world.rendered(&[error])))
}

fn manifest(text: &str) -> Manifest {
    parse("seaworthy.toml", text).expect("it parses")
}

#[test]
fn rust_and_a_workspace() {
    let main =
        "fn main() { let port = std::env::var(\"PORT\"); get(\"/healthz\"); call(\"http://billing:8082/pay\"); }";
    insta::assert_snapshot!(written(&[
        ("web/Cargo.toml", "[package]\nname = \"shop-web\"\n"),
        ("web/Cargo.lock", ""),
        ("web/src/main.rs", main),
        ("web/checks/hi.hurl", "GET {{url}}\n"),
        ("back/Cargo.toml", "[workspace]\nmembers = [\"crates/*\", \"tool\"]\n"),
        ("back/crates/billing/Cargo.toml", "[package]\nname = \"billing\"\n[[bin]]\nname = \"billing-server\"\n"),
        ("back/crates/billing/src/lib.rs", ""),
        ("back/crates/shared/Cargo.toml", "[package]\nname = \"shared\"\n"),
        ("back/crates/shared/src/lib.rs", ""),
        ("back/tool/Cargo.toml", "[package]\nname = \"tool\"\n"),
        ("back/tool/src/bin/one.rs", "fn main() {}"),
        ("back/tool/src/bin/two.rs", "fn main() {}"),
    ]));
}

#[test]
fn five_languages() {
    insta::assert_snapshot!(written(&[
        ("echo-go/go.mod", "module example.com/echo-go\n\ngo 1.19\n"),
        ("echo-go/main.go", "package main\n\nfunc main() { http.ListenAndServe(\":8081\", nil) }\n"),
        ("echo-go/cmd/admin/main.go", "package main\n"),
        ("echo-node/package.json", r#"{ "name": "@shop/echo", "scripts": { "test": "node --test" } }"#),
        ("echo-node/main.mjs", "import { Server } from './server.mjs'; path === '/healthz'"),
        ("echo-node/server.mjs", "export listen(process.env.PORT)"),
        ("echo-node/log.mjs", ""),
        ("echo-node/README.md", ""),
        (
            "echo-python/uecho.py",
            "import http.server, os\nos.environ['PORT']\nif __name__ == \"__main__\":\n    main()\n"
        ),
        ("echo-python/log.py", ""),
        ("echo-python/test_log.py", ""),
        ("echo-ruby/echo.rb", "require_relative 'lib/server'\n"),
        ("echo-ruby/lib/server.rb", "TCPServer.new(ENV['HOST'], ENV['PORT'])\n"),
        ("echo-ruby/test/all.rb", ""),
        (
            "echo-java/pom.xml",
            "<project><parent><artifactId>p</artifactId></parent><artifactId>echo-java</artifactId></project>"
        ),
        ("docs/app.py", "Flask(__name__)"),
        ("legacy/Dockerfile", "FROM debian\nEXPOSE 80\n"),
        ("exposed/Dockerfile", "FROM debian\nEXPOSE 5000/tcp\n"),
        ("exposed/serve.rb", "Sinatra"),
    ]));
}

#[test]
fn frameworks_and_their_packages() {
    insta::assert_snapshot!(written(&[
        ("api/app.py", "app = FastAPI()\n"),
        ("api/requirements.txt", "fastapi\npytest\n"),
        ("api/tests/test_app.py", ""),
        ("site/app.py", "app = Flask(__name__)\n"),
        ("site/pyproject.toml", "[project]\ndependencies = [\"flask\"]\n"),
        ("admin/manage.py", "if __name__ == '__main__':\n    main()\n"),
        ("admin/requirements.txt", "django\n"),
        (
            "front/package.json",
            r#"{ "scripts": { "start": "next start", "build": "next build", "test": "echo \"Error: no test specified\" && exit 1" }, "dependencies": { "next": "1" } }"#
        ),
        ("front/package-lock.json", "{}"),
        ("rack/config.ru", "run App\n"),
        ("rack/Gemfile", "gem 'rack'\n"),
        ("rack/Rakefile", ""),
    ]));
}

#[test]
fn what_two_instances_would_quarrel_about_is_replaced() {
    let world = World::with(&[("shop/app.js", "require('http').listen(3000)"), ("shop/package.json", "{}")]);
    let text = discover(&world.path("shop"), Networks::Shared).expect("found");
    assert!(text.contains("port = 3000\nupdate = \"replace\"\n"), "{text}");
    assert!(!written(&[("app.js", "require('http').listen(3000)"), ("package.json", "{}")]).contains("update"));
}

#[test]
fn a_procfile() {
    insta::assert_snapshot!(written(&[
        (
            "Procfile",
            "web: bundle exec puma -p $PORT\nworker: bundle exec sidekiq\nrelease: bundle exec rake db:migrate\n# no\n"
        ),
        ("Gemfile", "gem 'sinatra'\n"),
        ("app.rb", "require 'sinatra'\nget '/' do\nend\n"),
    ]));
}

#[test]
fn a_procfile_alone() {
    insta::assert_snapshot!(written(&[("Procfile", "web: ./serve --port=8080\n"), ("serve", "#!/bin/sh\n")]));
}

#[test]
fn a_compose_file() {
    let compose = r#"
services:
  invoice-app:
    build: ./invoice-app
    ports: ["8080:8081"]
    environment:
      PAYMENT_PROVIDER_URL: "http://payment-provider:8082/v1"
      HOME: /root
      DEBUG: true
      TOKEN: ${TOKEN}
    depends_on: [payment-provider, db]
  payment-provider:
    build: { context: payments/ }
    environment: ["PORT=8082", "PRICE=5$", "FROM_SHELL"]
    command: ["python3", "main.py", "--fast"]
  missing:
    build: ./nowhere
  db:
    image: postgres:15
"#;
    insta::assert_snapshot!(written(&[
        ("compose.yaml", compose),
        ("invoice-app/go.mod", "module invoices\n"),
        ("invoice-app/main.go", "package main\n"),
        ("payments/main.py", "import http.server\nif __name__ == '__main__': pass\n"),
    ]));
}

#[test]
fn nothing_is_refused_with_words() {
    let world = World::with(&[("README.md", "hello")]);
    let error = discover(world.folder.path(), Networks::Own).expect_err("nothing there");
    insta::assert_snapshot!(world.rendered(&[error]));
    assert!(discover(&world.path("nowhere"), Networks::Own).is_err());
}

#[test]
fn what_is_written_can_be_built() {
    let world = World::with(&[
        ("echo/uecho.py", "import http.server\nif __name__ == '__main__': pass\n"),
        ("echo/page.html", "<p>"),
        ("echo/README.md", ""),
    ]);
    let text = discover(world.folder.path(), Networks::Own).expect("found");
    world.write("seaworthy.toml", &text);
    let built = world.built();
    assert_eq!(world.listing(&built, "echo"), ["page.html 3", "uecho.py 51"]);
}

#[test]
fn odd_names_become_names() {
    let text = written(&[
        ("My Service!/app.py", "Flask(__name__)"),
        ("env/app.py", "skipped, as it is mostly a virtual environment"),
        ("volumes/app.py", "Flask(__name__)"),
        ("a-very-long-name-of-a-service/app.py", "Flask(__name__)"),
        ("a-very-long-name-of-another/app.py", "Flask(__name__)"),
    ]);
    let names: Vec<String> = manifest(&text).services.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["a-very-long-name-o-2", "a-very-long-name-of", "my-service", "volumes-service"]);
}

/// Anything that a tool may have written into a file that we read.
fn content() -> impl Strategy<Value = String> {
    let word = prop_oneof!["[a-z]{1,8}", "\\PC{0,12}", Just("\u{0}x".to_owned()), Just("${x} $$ \"'\\".to_owned())];
    let quoted = |word: &str| serde_json::Value::from(word).to_string();
    prop_oneof![
        word.clone(),
        word.clone().prop_map(move |w| format!("[package]\nname = {}\n", quoted(&w))),
        word.clone().prop_map(move |w| format!("{{\"name\":{0},\"main\":{0},\"scripts\":{{\"start\":{0},\"build\":{0},\"test\":{0}}},\"dependencies\":{{\"a\":{0}}}}}", quoted(&w))),
        word.clone().prop_map(move |w| format!("{{\"scripts\":{{\"start\":{}}}}}", quoted(&format!("node {w}")))),
        word.clone().prop_map(|w| format!("module {w}\npackage main\nFlask( TCPServer __main__ PORT :{}", w.len() * 700)),
        word.clone().prop_map(|w| format!("web: {w}\nworker: {w}\nrelease: {w}\n{w}: x")),
        word.prop_map(move |w| format!(
            "services: {{ {0}: {{ build: a, command: {0}, ports: [{0}, 80], environment: {{ {0}: {0}, A: {0}, PORT: 1 }}, depends_on: [a, b] }}, b: {{ build: {{ context: ./b }}, command: [{0}], environment: [{0}] }} }}",
            quoted(&w)
        )),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_lies_there_the_manifest_parses(
        files in proptest::collection::vec((0_usize..4, 0_usize..16, content()), 1..12)
    ) {
        const FOLDERS: [&str; 4] = [".", "a", "b", "a b/ü"];
        const NAMES: [&str; 16] = [
            "Cargo.toml", "src/main.rs", "go.mod", "main.go", "cmd/x y/main.go", "package.json", "index.js", "app.py",
            "requirements.txt", "config.ru", "Gemfile", "x.rb", "pom.xml", "Procfile", "compose.yaml", "we[i]rd {x}",
        ];
        let world = World::new();
        for (folder, name, text) in &files {
            let path = format!("{}/{}", FOLDERS[*folder], NAMES[*name]);
            create_directory(world.path(&path).parent().expect("a parent"), 0o755).expect("a folder");
            world.write(&path, text);
        }
        if let Err(error) = discover(world.folder.path(), Networks::Own) {
            prop_assert_ne!(error.fault, Fault::Seaworthy, "{}", world.rendered(&[error]));
        }
    }
}
