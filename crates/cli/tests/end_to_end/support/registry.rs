//! Debian's registry on the loopback, and the tools that put images together.

use super::wait_for;
use super::world::{World, free_port};
use seaworthy_host::{files, process};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

/// `docker-registry`, until it is dropped.
pub(crate) struct Registry {
    child: Child,
    /// Host and port, as names of images begin.
    pub(crate) name: String,
    _folder: tempfile::TempDir,
}

impl Registry {
    pub(crate) fn start() -> Self {
        let (folder, name) = (tempfile::tempdir().expect("a folder"), format!("127.0.0.1:{}", free_port()));
        let data = folder.path().join("data");
        let text = format!(
            "version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\n\
             http: {{ addr: \"{name}\" }}\n",
            data.display()
        );
        let file = folder.path().join("config.yml");
        files::write_atomic(&file, text.as_bytes(), 0o644).expect("its settings");
        let mut command = process::command("docker-registry");
        command.env("PATH", "/usr/bin:/bin").arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("`apt-get install docker-registry`: {error}"));
        let registry = Self { child, name, _folder: folder };
        wait_for("the registry", Duration::from_secs(20), || TcpStream::connect(&registry.name).ok());
        registry
    }

    /// Has skopeo bring an image of a layout there; gives back its name.
    pub(crate) fn push(&self, world: &World, layout: &str, to: &str) -> String {
        let name = format!("{}/{to}", self.name);
        let from = format!("oci:{layout}");
        let to = format!("docker://{name}");
        let words =
            ["--insecure-policy", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false", &from, &to];
        tool(world, "skopeo", &words);
        name
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What another tool says, which has to be installed (`./test.sh` does it). It works in the app's folder.
pub(crate) fn tool(world: &World, program: &str, arguments: &[&str]) -> Vec<u8> {
    let mut command = process::command(program);
    command.args(arguments).current_dir(&world.app).env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let output = command.env("HOME", &world.app).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Settings of buildah and podman of a world's own: where they keep images, and that one registry has no TLS.
pub(crate) fn builder_settings(world: &World, registry: &str) -> Vec<(&'static str, String)> {
    let folder = world.home.with_file_name("containers");
    let write = |name: &str, text: String| {
        files::create_directory(&folder, 0o755).expect("a folder");
        files::write_atomic(&folder.join(name), text.as_bytes(), 0o644).expect("written");
        folder.join(name).display().to_string()
    };
    let at = |name: &str| Path::new(&folder).join(name).display().to_string();
    let storage =
        format!("[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n", at("graph"), at("run"));
    let registries = format!("[[registry]]\nlocation = \"{registry}\"\ninsecure = true\n");
    vec![
        ("CONTAINERS_STORAGE_CONF", write("storage.conf", storage)),
        ("CONTAINERS_REGISTRIES_CONF", write("registries.conf", registries)),
        ("BUILDAH_ISOLATION", "chroot".to_owned()),
    ]
}
