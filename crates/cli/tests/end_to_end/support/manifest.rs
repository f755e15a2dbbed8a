//! Manifests of the tests' apps.

/// The host of route `web` in `dev`.
pub(crate) const HOST: &str = "dev.web.localhost";

/// A service that runs the subject.
pub(crate) struct Service {
    name: &'static str,
    lines: Vec<String>,
}

impl Service {
    /// One that speaks HTTP, is healthy as soon as it answers, and ends as soon as nothing is in flight.
    pub(crate) fn new(name: &'static str, version: &str) -> Self {
        let lines = ["path = \".\"", "files = [\"subject\"]", "run = [\"./subject\"]", "healthy_for = \"0s\""];
        let service = Self { name, lines: lines.map(str::to_owned).to_vec() };
        service.env("VERSION", version)
    }

    /// One of which nothing lies in the app's folder, nor anywhere in it.
    pub(crate) fn without_folder(name: &'static str) -> Self {
        Self { name, lines: vec!["healthy_for = \"0s\"".to_owned()] }
    }

    /// One of the subject with a health page, a bounded drain and a bounded start.
    pub(crate) fn web(name: &'static str, version: &str) -> Self {
        let service = Self::new(name, version).line("health = \"/healthz\"");
        service.line("drain = \"8s\"").line("start_timeout = \"10s\"").line("grace = \"5s\"")
    }

    pub(crate) fn env(self, name: &str, value: &str) -> Self {
        self.line(&format!("env.{name} = \"{value}\""))
    }

    /// The last value of a key counts, so that a test can say what differs from the ordinary.
    pub(crate) fn line(mut self, line: &str) -> Self {
        let key = |text: &str| text.split_once(" = ").map(|(key, _)| key.to_owned());
        self.lines.retain(|known| key(known) != key(line));
        self.lines.push(line.to_owned());
        self
    }
}

/// An app: its services, a route `web` to the first of them, and `dev` with these lines.
pub(crate) fn app(services: &[Service], dev: &[&str]) -> String {
    let mut text = "app = \"subject\"\n".to_owned();
    for service in services {
        text.push_str(&format!("\n[services.{}]\n{}\n", service.name, service.lines.join("\n")));
    }
    if let Some(first) = services.first() {
        text.push_str(&format!("\n[routes.web]\nhost = \"web.localhost\"\nservice = \"{}\"\n", first.name));
    }
    text.push_str(&format!("\n[environments.dev]\n{}\n\n[environments.prod]\n", dev.join("\n")));
    text
}

/// The smallest app: one service of this version.
pub(crate) fn small(version: &str) -> String {
    app(&[Service::web("web", version)], &[])
}
