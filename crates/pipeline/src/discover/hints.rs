//! What the source of a service gives away: where it listens, how it is found healthy, which checks it has.

use super::found::{Found, Listens};
use super::tree::Folder;

const SOURCE_ENDINGS: [&str; 13] =
    [".rs", ".go", ".js", ".mjs", ".cjs", ".ts", ".py", ".rb", ".java", ".kt", ".ru", ".properties", ".yml"];

/// What stands in front of a port's number where programs listen.
const LISTENS: [&str; 12] = [
    "0.0.0.0:",
    "127.0.0.1:",
    "localhost:",
    "[::]:",
    "\":",
    "listen(",
    "port=",
    "port = ",
    "port: ",
    "Port=",
    "PORT = ",
    "server.port=",
];

const HEALTH_PATHS: [&str; 5] = ["/healthz", "/health", "/readyz", "/livez", "/ping"];

/// Adds what the source says.
pub(super) fn add(folder: &Folder, service: &mut Found) {
    // Of several programs in one folder, each has a part of its own.
    let own = service.covers.first().unwrap_or(&service.path).clone();
    service.text = folder.at(&own).source(&SOURCE_ENDINGS);
    let text = &service.text;
    service.health = HEALTH_PATHS.iter().find(|path| mentions(text, path)).map(|p| (*p).to_owned());
    if service.health.is_none() {
        service
            .comments
            .push("health: no path found that says whether it is healthy; a connection that it accepts counts".into());
    }
    if folder.has_folder("checks") && !folder.below("checks").files_with(".hurl").is_empty() {
        service.checks.push("checks/*.hurl".into());
    }
    let reads_port = ["\"PORT\"", "'PORT'", "env.PORT", "$PORT", "${PORT"].iter().any(|word| text.contains(word))
        || service.run.iter().any(|word| word.contains("$PORT"));
    if reads_port || service.port != Listens::Given {
        return;
    }
    let exposed = || exposed_port(&folder.read("Dockerfile").unwrap_or_default());
    match listening_port(text).or_else(exposed) {
        Some(number) => {
            service.port = Listens::Fixed(number);
            service.comments.push(format!("port: its source or Dockerfile says {number}"));
        }
        None => service.comments.push("port: it must listen on the number in PORT; else add `port = NUMBER`".into()),
    }
}

/// Whether a path stands in the text as a string of its own, or at the beginning of one.
fn mentions(text: &str, path: &str) -> bool {
    ['"', '\'', '`', ' '].iter().any(|before| {
        let mut found = text.match_indices(path).map(|(at, _)| (&text[..at], &text[at + path.len()..]));
        found.any(|(head, tail)| head.ends_with(*before) && tail.starts_with(['"', '\'', '`', '?', ' ']))
    })
}

/// The first number that stands where programs say on which port they listen.
fn listening_port(text: &str) -> Option<u16> {
    let candidates =
        LISTENS.iter().flat_map(|beginning| text.match_indices(beginning).map(|(at, b)| (at, at + b.len())));
    let mut ports: Vec<(usize, u16)> = candidates
        .filter(|(at, _)| !text[..*at].ends_with("//"))
        .filter_map(|(at, end)| Some((at, number_at(&text[end..])?)))
        .collect();
    ports.sort_unstable();
    ports.first().map(|(_, port)| *port)
}

/// `EXPOSE 8080` of a Dockerfile.
fn exposed_port(dockerfile: &str) -> Option<u16> {
    let mut exposed = dockerfile.lines().filter_map(|line| line.trim().strip_prefix("EXPOSE "));
    exposed.find_map(|ports| number_at(ports.trim()))
}

/// A port's number at the beginning of a text; small numbers are mostly something else.
fn number_at(text: &str) -> Option<u16> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..digits].parse().ok().filter(|port| *port >= 80 && (2..=5).contains(&digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_found_where_programs_listen() {
        assert_eq!(listening_port("http.ListenAndServe(\":8080\", nil)"), Some(8080));
        assert_eq!(listening_port("app.listen(3000, () => {})"), Some(3000));
        assert_eq!(listening_port("HTTPServer((host, port), H)\nport = 8082"), Some(8082));
        assert_eq!(listening_port("TcpListener::bind(\"127.0.0.1:7001\")"), Some(7001));
        assert_eq!(listening_port("fetch('http://localhost:9000')"), None);
        assert_eq!(listening_port("listen(1)"), None);
    }
}
