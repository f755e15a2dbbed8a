//! A Debian archive on the loopback, made with Debian's own tools.

use super::wait_for;
use super::world::free_port;
use seaworthy_host::{files, process};
use seaworthy_model::Digest;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The archive with its key, until it is dropped.
pub(crate) struct Archive {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Archive {
    /// One without packages.
    pub(crate) fn start() -> Self {
        let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let files = folder.path().join("files");
        for name in ["files", "keys"] {
            files::create_directory(&folder.path().join(name), 0o700).expect("a folder");
        }
        let mut command = tool("/usr/bin/python3", folder.path());
        command.args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"]).arg(files).arg(port.to_string());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("python3");
        let archive = Self { child, port, folder };
        archive.gpg(&["--passphrase", "", "--quick-generate-key", "archive@example.org", "ed25519", "sign", "never"]);
        wait_for("the archive", Duration::from_secs(20), || TcpStream::connect(("127.0.0.1", port)).ok());
        archive
    }

    /// Where one of its roots is.
    pub(crate) fn address(&self, root: &str) -> String {
        format!("http://127.0.0.1:{}/{root}", self.port)
    }

    /// The key that signs, in armor.
    pub(crate) fn key(&self) -> String {
        String::from_utf8(self.gpg(&["--armor", "--export"])).expect("armor")
    }

    /// A suite of packages that all have one version, instead of what was there.
    pub(crate) fn publish(&self, root: &str, suite: &str, names: &[&str], version: &str) {
        let at = self.folder.path().join("files").join(root);
        let architecture = run(tool("dpkg", &at).current_dir("/").arg("--print-architecture"));
        let architecture = String::from_utf8(architecture).expect("a word").trim().to_owned();
        let records: Vec<String> = names.iter().map(|name| self.package(&at, name, version)).collect();
        let index = records.concat();
        let path = format!("main/binary-{architecture}/Packages");
        let (folder, sum) = (at.join("dists").join(suite), Digest::of(index.as_bytes()));
        write(&folder.join(&path), index.as_bytes());
        let date = String::from_utf8(run(tool("date", Path::new("/")).args(["--utc", "--rfc-email"]))).expect("a date");
        let text = format!(
            "Origin: Debian\nSuite: {suite}\nCodename: {suite}\nDate: {}Architectures: {architecture}\n\
             Components: main\nSHA256:\n {} {} {path}\n",
            date.replace("+0000", "UTC"),
            sum.hex(),
            index.len()
        );
        write(&folder.join("Release"), text.as_bytes());
        let release = folder.join("Release").display().to_string();
        write(&folder.join("InRelease"), &self.gpg(&["--clear-sign", "--output", "-", &release]));
    }

    /// Builds a package into the pool; gives back its record for the list.
    fn package(&self, root: &Path, name: &str, version: &str) -> String {
        let tree = self.folder.path().join("tree");
        files::remove_tree(&tree).expect("own folder");
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: data\n"
        );
        write(&tree.join("DEBIAN/control"), control.as_bytes());
        files::set_mode(&tree.join("DEBIAN"), 0o755).expect("own folder");
        write(&tree.join(format!("usr/share/{name}/version")), version.as_bytes());
        write(&tree.join(format!("usr/share/man/man7/{name}.7")), b"a page");
        let path = format!("pool/{name}_{version}_all.deb");
        let to = root.join(&path);
        files::create_directory(to.parent().expect("a folder"), 0o755).expect("a folder");
        let mut command = tool("dpkg-deb", self.folder.path());
        run(command.args(["--root-owner-group", "--build"]).arg(&tree).arg(&to));
        let bytes = files::read(&to).expect("the package");
        format!("{control}Filename: {path}\nSize: {}\nSHA256: {}\n\n", bytes.len(), Digest::of(&bytes).hex())
    }

    fn gpg(&self, words: &[&str]) -> Vec<u8> {
        run(self.with_keys("gpg").args(["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"]).args(words))
    }

    fn with_keys(&self, program: &str) -> Command {
        let mut command = tool(program, self.folder.path());
        command.env("GNUPGHOME", self.folder.path().join("keys"));
        command
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // gpg leaves an agent behind.
        let _ = self.with_keys("gpgconf").args(["--kill", "all"]).output();
    }
}

fn tool(program: &str, folder: &Path) -> Command {
    let mut command = process::command(program);
    command.env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").stdin(Stdio::null());
    if folder.is_dir() {
        command.current_dir(folder);
    }
    command
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn write(path: &Path, bytes: &[u8]) {
    files::create_directory(path.parent().expect("a folder"), 0o755).expect("a folder");
    files::write_atomic(path, bytes, 0o644).expect("written");
}
