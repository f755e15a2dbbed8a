//! A repository that nodes follow, as a folder and over smart HTTP, and a server that takes what nodes tell others.

use super::manifest::{Service, app};
use super::wait_for;
use super::world::{World, free_port};
use seaworthy_host::process;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

/// How long a push may take until what it means is there: a build, its tests and a throwaway node lie between.
pub(crate) const PUSHED: Duration = Duration::from_secs(180);

/// git over HTTP for whoever knows the token, and whatever is posted elsewhere as a line of JSON in a file.
const SERVER: &str = r#"
import base64, http.server, json, os, subprocess, sys
root, record, port, token = sys.argv[1:5]
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def body(self):
        if self.headers.get('Transfer-Encoding') == 'chunked':
            data = b''
            while True:
                size = int(self.rfile.readline().strip() or b'0', 16)
                data += self.rfile.read(size)
                self.rfile.readline()
                if size == 0: return data
        return self.rfile.read(int(self.headers.get('Content-Length') or 0))
    def answer(self, status, headers, data):
        self.send_response(status)
        for name, value in headers: self.send_header(name, value)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def git(self):
        wanted = 'Basic ' + base64.b64encode(('oauth2:' + token).encode()).decode()
        if token and self.headers.get('Authorization') != wanted:
            return self.answer(401, [('WWW-Authenticate', 'Basic realm="git"')], b'who?')
        path, _, query = self.path.partition('?')
        environment = dict(os.environ, GIT_PROJECT_ROOT=root, GIT_HTTP_EXPORT_ALL='1', PATH_INFO=path,
            QUERY_STRING=query, REQUEST_METHOD=self.command, CONTENT_TYPE=self.headers.get('Content-Type', ''),
            GIT_PROTOCOL=self.headers.get('Git-Protocol', ''), GIT_CONFIG_COUNT='1',
            GIT_CONFIG_KEY_0='safe.directory', GIT_CONFIG_VALUE_0='*')
        data = self.body()
        if self.headers.get('Content-Encoding') == 'gzip':
            environment['HTTP_CONTENT_ENCODING'] = 'gzip'
        environment['CONTENT_LENGTH'] = str(len(data))
        out = subprocess.run(['git', 'http-backend'], input=data, env=environment, stdout=subprocess.PIPE).stdout
        head, _, rest = out.partition(b'\r\n\r\n')
        status, headers = 200, []
        for line in head.decode().split('\r\n'):
            name, _, value = line.partition(': ')
            if name == 'Status': status = int(value.split()[0])
            else: headers.append((name, value))
        self.answer(status, headers, rest)
    def do_GET(self): self.git()
    def do_POST(self):
        if '.git/' in self.path: return self.git()
        data = self.body()
        line = json.dumps({'path': self.path, 'headers': {k.lower(): v for k, v in self.headers.items()},
            'body': data.decode('utf-8', 'replace')})
        with open(record, 'a') as file: file.write(line + '\n')
        self.answer(201, [], b'{}')
http.server.ThreadingHTTPServer(('127.0.0.1', int(port)), Handler).serve_forever()
"#;

/// A bare repository beside the app's folder.
pub(crate) struct Repository {
    folder: PathBuf,
}

/// A node that follows a repository, and version `one` of the app in `dev`.
pub(crate) fn following_one() -> (World, Repository) {
    let world = World::following();
    let repository = Repository::new(&world);
    world.write_manifest(&followed(&repository.url(), "one", &[]));
    repository.push(&world, "main");
    world.up();
    (world, repository)
}

impl Repository {
    /// Empty, and the app's folder its clone.
    pub(crate) fn new(world: &World) -> Self {
        let folder = world.app.with_file_name("repository.git");
        let repository = Self { folder };
        git(world, &["init", "--quiet", "--bare", &repository.path()]);
        git(world, &["init", "--quiet", "--initial-branch", "main"]);
        repository
    }

    pub(crate) fn path(&self) -> String {
        self.folder.display().to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path())
    }

    /// Commits the app's folder and pushes it to a branch; the commit.
    pub(crate) fn push(&self, world: &World, branch: &str) -> String {
        git(world, &["add", "--all"]);
        git(world, &["commit", "--quiet", "--allow-empty", "--message", "a change"]);
        self.share(world, branch);
        git(world, &["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Removes a branch.
    pub(crate) fn remove(&self, world: &World, branch: &str) {
        git(world, &["push", "--quiet", &self.path(), &format!(":refs/heads/{branch}")]);
    }

    /// Pushes the commit that there is to a branch.
    pub(crate) fn share(&self, world: &World, branch: &str) {
        git(world, &["push", "--quiet", "--force", &self.path(), &format!("HEAD:refs/heads/{branch}")]);
    }
}

pub(crate) fn git(world: &World, words: &[&str]) -> String {
    let mut command = process::command("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@localhost"]).args(words).current_dir(&world.app);
    command.env("PATH", "/usr/bin:/bin").env("HOME", world.app.with_file_name("nobody"));
    let output = command.output().expect("git");
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A server for the repository, and for what nodes tell others.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    record: PathBuf,
}

impl Server {
    pub(crate) fn start(world: &World, token: &str) -> Self {
        let folder = world.app.parent().expect("a folder").to_owned();
        let (port, record) = (free_port(), folder.join("told"));
        let mut command = process::command("python3");
        command.args(["-c", SERVER]).arg(&folder).arg(&record).arg(port.to_string()).arg(token);
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        let child = command.stdin(Stdio::null()).spawn().expect("python3");
        wait_for("the server", Duration::from_secs(20), || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Self { child, port, record }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// What was posted so far.
    pub(crate) fn told(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.record).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The subject at a version, with a test that a file can break or slow down, and a check; `dev` follows `main`.
pub(crate) fn followed(repository: &str, version: &str, more: &[&str]) -> String {
    let web = Service::web("web", version).line("checks = [\"version.hurl\"]");
    let test = "test = \"if [ -f slow ]; then sleep $(cat slow); fi; if [ -f broken ]; then cat broken; exit 1; fi\"";
    let head = format!("follow = \"main\"\nrepository = \"{repository}\"\nbake = \"0s\"");
    let lines: Vec<&str> = [head.as_str()].into_iter().chain(more.iter().copied()).collect();
    app(&[web.line(test)], &lines)
}

impl World {
    /// A world whose node looks often, with the check that everything answers.
    pub(crate) fn following() -> Self {
        let mut world = Self::new();
        world.variables.push(("SEAWORTHY_POLL_SECONDS", "1".to_owned()));
        world.write("version.hurl", "GET {{url}}/version\nHTTP 200\n");
        world
    }

    /// The last run of `dev` once it is like that.
    #[track_caller]
    pub(crate) fn run_that(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.run_in("dev", what, is_it)
    }

    /// The last run of an environment once it is like that.
    #[track_caller]
    pub(crate) fn run_in(&self, environment: &str, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, PUSHED, || {
            let runs = self.run(&["runs", environment, "--app", "subject", "--json"]);
            let runs: Value = serde_json::from_str(&runs.stdout).ok()?;
            runs.as_array()?.iter().find(|run| is_it(run)).cloned()
        })
    }

    /// The run of a commit once it has ended; its outcome.
    #[track_caller]
    pub(crate) fn ended_run(&self, commit: &str) -> Value {
        self.run_that("the end of the run", |run| run["commit"] == commit && run["state"] == "done")
    }
}
