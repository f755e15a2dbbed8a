//! `[services.NAME]`.

use super::raw;
use super::reader::Reader;
use super::tree::Path;
use super::typed::{BuildNetwork, CheckSource, FileSource, ServiceSource};
use crate::service::{Base, Health, Port, Protocol, Service, Tuning, Update};
use crate::{ImageName, Name};
use std::collections::{BTreeMap, BTreeSet};

/// Names that mean something else in `${NAME.…}`.
const RESERVED: [&str; 2] = ["env", "volumes"];

impl Reader<'_> {
    /// Every service whose name is one.
    pub(super) fn services(&mut self, raw: &BTreeMap<String, raw::Service>) -> BTreeMap<Name, ServiceSource> {
        let path = Path::default().key("services");
        let mut services = BTreeMap::new();
        for (key, service) in raw {
            let path = path.key(key);
            if RESERVED.contains(&key.as_str()) {
                let message = format!("a service cannot be called `{key}`");
                self.report_key(&path, message, format!("`${{{key}.…}}` means something else: choose another name"));
            }
            let name = self.key_name(&path, key, "service");
            let source = self.service(&path, key, service);
            services.extend(name.map(|name| (name, source)));
        }
        services
    }

    fn service(&mut self, path: &Path, name: &str, raw: &raw::Service) -> ServiceSource {
        self.exclusive_sources(path, raw);
        let relative = |reader: &mut Self, key: &str, text: &Option<String>| {
            text.as_ref().and_then(|text| reader.inside(&path.key(key), text))
        };
        ServiceSource {
            path: relative(self, "path", &raw.path).unwrap_or_else(|| name.to_owned()),
            has_folder: has_folder(raw),
            build: self.shell_lines(&path.key("build"), raw.build.as_ref()),
            test: self.shell_lines(&path.key("test"), raw.test.as_ref()),
            build_network: raw.build_network.map_or(BuildNetwork::Machine, Into::into),
            junit: raw.junit.as_ref().and_then(|text| self.glob(&path.key("junit"), text)),
            retry: raw.retry.map_or(0, u32::from),
            files: self.files(&path.key("files"), &raw.files),
            image: raw.image.as_ref().and_then(|text| self.image(&path.key("image"), text)),
            dockerfile: relative(self, "dockerfile", &raw.dockerfile),
            checks: self.checks(&path.key("checks"), &raw.checks),
            service: self.runtime(path, name, raw),
        }
    }

    fn runtime(&mut self, path: &Path, name: &str, raw: &raw::Service) -> Service {
        let port = self.port(&path.key("port"), raw.port.as_ref());
        let protocol = raw.protocol.map_or(Protocol::Http, Into::into);
        if port == Port::None && raw.protocol.is_some() {
            self.report(
                &path.key("protocol"),
                "a worker has no `protocol`",
                "leave it out, or leave out `port = false`",
            );
        }
        let volumes = self.volumes(&path.key("volumes"), &raw.volumes);
        let update = raw.update.map_or(Update::Beside, Into::into);
        if protocol == Protocol::Tcp && !raw.volumes.is_empty() && update == Update::Beside {
            let at = if raw.update.is_some() { path.key("update") } else { path.key("volumes") };
            let message =
                format!("`{name}` is a `tcp` service with a volume: two versions at once would both write to it");
            self.report(&at, message, "add `update = \"replace\"`");
        }
        Service {
            run: self.run(path, name, raw),
            before: self.before(&path.key("before"), raw.before.as_ref()),
            reversible: raw.reversible.unwrap_or(true),
            base: self.base(&path.key("base"), raw.base.as_ref()),
            port,
            protocol,
            health: self.health(&path.key("health"), raw.health.as_ref(), port, protocol),
            update,
            calls: self.calls(path, name, &raw.calls),
            callers: self.known_services(&path.key("callers"), &raw.callers),
            egress: self.egress(&path.key("egress"), &raw.egress),
            volumes,
            writable: self.writable(&path.key("writable"), &raw.writable),
            team: raw.team.as_ref().and_then(|team| self.name(&path.key("team"), team, "team")),
            env: self.settings(&path.key("env"), name, &raw.env),
            tuning: self.service_tuning(path, raw),
        }
    }

    fn run(&mut self, path: &Path, name: &str, raw: &raw::Service) -> Vec<String> {
        let at = path.key("run");
        match &raw.run {
            Some(run) if !self.findings.is_broken(&at) => self.arguments(&at, run),
            Some(run) => run.clone(),
            None if raw.image.is_some() || raw.dockerfile.is_some() || self.findings.is_broken(&at) => Vec::new(),
            None => {
                let message = format!("`services.{name}` has no `run`");
                self.report_key(path, message, "add the program and its arguments, such as `run = [\"./server\"]`");
                Vec::new()
            }
        }
    }

    fn before(&mut self, path: &Path, raw: Option<&raw::Before>) -> Vec<Vec<String>> {
        match raw {
            None => Vec::new(),
            Some(raw::Before::One(list)) => vec![self.arguments(path, list)],
            Some(raw::Before::Many(lists)) => {
                lists.iter().enumerate().map(|(index, list)| self.arguments(&path.index(index), list)).collect()
            }
        }
    }

    fn shell_lines(&mut self, path: &Path, raw: Option<&raw::OneOrMany>) -> Vec<String> {
        let lines = match raw {
            None => return Vec::new(),
            Some(raw::OneOrMany::One(line)) => vec![line.clone()],
            Some(raw::OneOrMany::Many(lines)) => lines.clone(),
        };
        if lines.iter().any(|line| line.trim().is_empty()) {
            self.report(path, format!("`{path}` has an empty line"), "write a shell line, or leave the key out");
        }
        lines.iter().for_each(|line| self.no_null(path, line));
        lines
    }

    fn base(&mut self, path: &Path, raw: Option<&raw::OneOrMany>) -> Option<Base> {
        let help = "write `\"scratch\"`, Debian packages such as `[\"python3\"]`, or an image with its registry: `\"docker.io/library/debian:12\"`";
        match raw? {
            raw::OneOrMany::One(text) if text == "scratch" => Some(Base::Scratch),
            raw::OneOrMany::One(text) => match ImageName::parse(text) {
                Ok(name) => Some(Base::Image(name.to_string())),
                Err(error) => {
                    self.report(path, format!("`{}` is no base: {}", error.name.escape_debug(), error.why), help);
                    None
                }
            },
            raw::OneOrMany::Many(packages) => {
                let odd = packages.iter().position(|package| !is_debian_package(package));
                if let Some(index) = odd {
                    let message = format!("`{}` is no Debian package", packages[index].escape_debug());
                    self.report(&path.index(index), message, help);
                } else if packages.is_empty() {
                    self.report(path, format!("`{path}` is empty"), help);
                }
                Some(Base::Packages(packages.clone()))
            }
        }
    }

    fn image(&mut self, path: &Path, text: &str) -> Option<ImageName> {
        let help = "write it with its registry: `docker.io/library/nginx:1`, `ghcr.io/team/web@sha256:…`";
        let wrong = |error: crate::image_name::ImageNameError| {
            self.report(path, format!("`{}` is no image: {}", error.name.escape_debug(), error.why), help);
        };
        ImageName::parse(text).map_err(wrong).ok()
    }

    fn port(&mut self, path: &Path, raw: Option<&raw::Port>) -> Port {
        match raw {
            None => Port::Given,
            Some(raw::Port::Number(number)) => Port::Fixed(*number),
            Some(raw::Port::Worker(false)) => Port::None,
            Some(raw::Port::Worker(true)) => {
                let help =
                    "leave it out to get a port in `PORT`, write the number it listens on, or `false` for a worker";
                self.report(path, "`port` cannot be `true`", help);
                Port::Given
            }
        }
    }

    fn health(&mut self, path: &Path, raw: Option<&String>, port: Port, protocol: Protocol) -> Health {
        let Some(text) = raw else {
            return if port == Port::None { Health::Alive } else { Health::Connect };
        };
        if port == Port::None {
            self.report(path, "a worker has no health path", "leave out `health`, or leave out `port = false`");
        } else if protocol == Protocol::Tcp {
            self.report(
                path,
                "a `tcp` service has no health path",
                "leave out `health`: a connection that it accepts counts",
            );
        }
        self.url_path(path, text).map_or(Health::Connect, Health::Path)
    }

    fn volumes(&mut self, path: &Path, raw: &BTreeMap<String, String>) -> BTreeMap<Name, String> {
        let mut volumes = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for (key, text) in raw {
            let path = path.key(key);
            let name = self.key_name(&path, key, "volume");
            let Some(place) = self.absolute(&path, text) else { continue };
            if !taken.insert(place.clone()) {
                self.report(&path, format!("two volumes lie at `{place}`"), "give each a path of its own");
            }
            volumes.extend(name.map(|name| (name, place)));
        }
        volumes
    }

    fn writable(&mut self, path: &Path, raw: &[String]) -> Vec<String> {
        raw.iter().enumerate().filter_map(|(index, text)| self.inside(&path.index(index), text)).collect()
    }

    fn files(&mut self, path: &Path, raw: &[raw::FileEntry]) -> Vec<FileSource> {
        let mut taken = BTreeSet::new();
        let mut files = Vec::new();
        for (index, entry) in raw.iter().enumerate() {
            let path = path.index(index);
            let (from, to) = match entry {
                raw::FileEntry::From(from) => (self.glob(&path, from), None),
                raw::FileEntry::FromTo(raw::FromTo { from, to }) => (
                    from.as_ref().and_then(|from| self.glob(&path.key("from"), from)),
                    to.as_ref().and_then(|to| self.inside(&path.key("to"), to)),
                ),
            };
            let Some(from) = from else { continue };
            let lands = to.clone().unwrap_or_else(|| from.rsplit('/').next().unwrap_or(&from).to_owned());
            if lands != "." && !lands.contains(['*', '?', '[']) && !taken.insert(lands.clone()) {
                let message = format!("two entries of `files` land at `{}`", lands.escape_debug());
                self.report(&path, message, "say where one of them lands: `{ from = \"…\", to = \"…\" }`");
            }
            files.push(FileSource { from, to });
        }
        files
    }

    /// The entries of `checks`, of a service or of a route.
    pub(super) fn checks(&mut self, path: &Path, raw: &[raw::CheckEntry]) -> Vec<CheckSource> {
        let mut checks = Vec::new();
        for (index, entry) in raw.iter().enumerate() {
            let path = path.index(index);
            let check = match entry {
                raw::CheckEntry::Glob(text) => {
                    self.glob(&path, text).map(|glob| CheckSource { glob, runs: None, every: None })
                }
                raw::CheckEntry::Full(raw) => {
                    let every = self.duration(&path.key("every"), raw.every.as_ref(), false);
                    let runs = raw.runs.as_ref().map(|runs| runs.iter().map(|stage| (*stage).into()).collect());
                    let glob = raw.file.as_ref().and_then(|file| self.glob(&path.key("file"), file));
                    glob.map(|glob| CheckSource { glob, runs, every })
                }
            };
            checks.extend(check);
        }
        checks
    }

    /// `image` and `dockerfile` replace what else would make the image.
    fn exclusive_sources(&mut self, path: &Path, raw: &raw::Service) {
        let (source, help) = match (&raw.image, &raw.dockerfile) {
            (Some(_), _) => ("image", "an `image` runs as it is: leave one of the two out"),
            (None, Some(_)) => ("dockerfile", "a `dockerfile` says itself what goes in: leave one of the two out"),
            (None, None) => return,
        };
        let others = [
            ("build", raw.build.is_some()),
            ("files", !raw.files.is_empty()),
            ("base", raw.base.is_some()),
            ("dockerfile", source == "image" && raw.dockerfile.is_some()),
            ("test", source == "image" && raw.test.is_some()),
        ];
        for (key, _) in others.iter().filter(|(_, there)| *there) {
            self.report_key(&path.key(key), format!("`{key}` and `{source}` exclude each other"), help);
        }
    }

    fn service_tuning(&mut self, path: &Path, raw: &raw::Service) -> Tuning {
        Tuning {
            healthy_for: self.duration(&path.key("healthy_for"), raw.healthy_for.as_ref(), true),
            start_timeout: self.duration(&path.key("start_timeout"), raw.start_timeout.as_ref(), false),
            grace: self.duration(&path.key("grace"), raw.grace.as_ref(), true),
            drain: self.duration(&path.key("drain"), raw.drain.as_ref(), true),
            hold: self.duration(&path.key("hold"), raw.hold.as_ref(), true),
            replicas: raw.replicas,
            memory_bytes: self.size(&path.key("memory"), raw.memory.as_ref()),
            cpu_millis: self.cpu(&path.key("cpu"), raw.cpu),
        }
    }
}

fn has_folder(raw: &raw::Service) -> bool {
    let has_lines = raw.build.is_some() || raw.test.is_some();
    raw.path.is_some() || has_lines || !raw.files.is_empty() || raw.dockerfile.is_some()
}

/// Debian Policy 5.6.7.
fn is_debian_package(text: &str) -> bool {
    text.len() >= 2
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b))
}
