//! `init` on folders as teams have them: what it writes comes up without a change.

use crate::support::http::Connection;
use crate::support::world::World;
use std::time::Duration;

/// Lets `init` write the manifest and brings everything up; what the first route answers.
fn first_answer(files: &[(&str, &str)]) -> (World, String) {
    let world = World::new();
    std::fs::remove_file(world.app.join("subject")).expect("the subject");
    for (path, text) in files {
        let file = world.app.join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("the app's folder");
        world.write(path, text);
    }
    let manifest = world.run(&["init"]).expect(0).stdout;
    let url = world.up().stdout;
    let host = url.trim().trim_start_matches("http://").split(':').next().unwrap_or_default().to_owned();
    let answer = Connection::open(world.port).and_then(|mut connection| connection.get(&host, "/"));
    let answer = answer.unwrap_or_else(|error| panic!("{host}: {error}\n{manifest}"));
    assert_eq!(answer.status, 200, "{}\n{manifest}", answer.text());
    (world, answer.text())
}

const SERVER: &str = "\
from http.server import BaseHTTPRequestHandler, HTTPServer
import os, urllib.request

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        said = BODY
        self.send_response(200)
        self.end_headers()
        self.wfile.write(said)

HTTPServer((\"0.0.0.0\", PORT), Handler).serve_forever()
";

fn server(body: &str, port: &str) -> String {
    SERVER.replace("BODY", body).replace("PORT", port)
}

/// In containers everybody may have the same number.
#[test]
fn a_compose_file_of_two_services_with_the_same_port() {
    let compose = "\
services:
  web:
    build: ./web
    ports: [\"8000:8000\"]
    environment:
      - GREETING=web
    depends_on: [stock]
  stock:
    build: ./stock
    command: python -u stock.py
";
    let dockerfile = "FROM python:3.11-slim\nCOPY . .\nCMD [\"python\", \"server.py\"]\n";
    let web = server(
        "os.environ['GREETING'].encode() + b', ' + urllib.request.urlopen('http://stock:8000', timeout=5).read()",
        "8000",
    );
    let (_world, answer) = first_answer(&[
        ("docker-compose.yml", compose),
        ("web/Dockerfile", dockerfile),
        ("web/server.py", &web),
        ("stock/Dockerfile", dockerfile),
        ("stock/stock.py", &server("b'apples'", "8000")),
    ]);
    assert_eq!(answer, "web, apples");
}

#[test]
fn two_folders_of_which_one_calls_the_other_by_a_number() {
    let package = "{ \"name\": \"front\", \"scripts\": { \"start\": \"NODE_ENV=production node src/main.js\" } }\n";
    let main = "\
const http = require('http');
const stock = process.env.STOCK_URL || 'http://stock:5001';
http.createServer((request, response) => {
  http.get(stock, (from) => from.pipe(response.writeHead(200))).on('error', (error) => response.end(String(error)));
}).listen(process.env.PORT, process.env.HOST);
";
    let stock = server("b'pears'", "int(os.environ.get('PORT', '5001'))");
    let (_world, answer) =
        first_answer(&[("front/package.json", package), ("front/src/main.js", main), ("stock/main.py", &stock)]);
    assert_eq!(answer, "pears");
}

#[test]
fn a_procfile_with_a_worker() {
    let app = "\
require 'socket'
server = TCPServer.new('0.0.0.0', ENV['PORT'].to_i)
loop do
  client = server.accept
  client.gets
  client.write \"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\nConnection: close\\r\\n\\r\\nplums\"
  client.close
end
";
    let clock = "loop { puts 'tick'; $stdout.flush; sleep 1 }\n";
    let files = [("Procfile", "web: ruby app.rb\nclock: ruby clock.rb\n"), ("app.rb", app), ("clock.rb", clock)];
    let (world, answer) = first_answer(&files);
    assert_eq!(answer, "plums");
    crate::support::wait_for("the worker", Duration::from_secs(10), || {
        world.run(&["logs", "dev", "clock"]).expect(0).stdout.contains("tick").then_some(())
    });
}
