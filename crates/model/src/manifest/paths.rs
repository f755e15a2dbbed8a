//! Values that are paths, globs, hosts and addresses.

use super::reader::Reader;
use super::tree::Path;

impl Reader<'_> {
    /// A path that stays within its folder, without `./`, doubled and trailing slashes; `.` is the folder itself.
    pub(super) fn inside(&mut self, path: &Path, text: &str) -> Option<String> {
        let problem = if text.is_empty() {
            "is empty"
        } else if text.starts_with('/') {
            "is absolute"
        } else if text.split('/').any(|part| part == "..") {
            "leads out of its folder"
        } else if text.contains('\0') {
            "contains a NUL byte"
        } else {
            return Some(normal(text));
        };
        let message = format!("the path `{}` {problem}", text.escape_debug());
        self.report(path, message, "write a path relative to the folder, without `..`");
        None
    }

    /// A glob that stays within its folder.
    pub(super) fn glob(&mut self, path: &Path, text: &str) -> Option<String> {
        let text = self.inside(path, text)?;
        match glob::Pattern::new(&text) {
            Ok(_) => Some(text),
            Err(error) => {
                let message = format!("`{}` is no glob: {}", text.escape_debug(), error.msg);
                self.report(path, message, "`*`, `**`, `?` and `[…]` match; write `[*]` for a star itself");
                None
            }
        }
    }

    /// A path as a program sees it.
    pub(super) fn absolute(&mut self, path: &Path, text: &str) -> Option<String> {
        let parts_fine = !text.split('/').any(|part| matches!(part, ".." | ".")) && !text.contains('\0');
        let taken = ["/proc", "/sys", "/dev"].iter().any(|top| text == *top || text.starts_with(&format!("{top}/")));
        let normal = format!("/{}", normal(text.trim_start_matches('/')));
        if text.starts_with('/') && parts_fine && !taken && normal != "/." && normal != "/app" {
            return Some(normal);
        }
        let message = format!("`{}` cannot be where a volume lies", text.escape_debug());
        self.report(path, message, "write an absolute path of its own, such as `/data`");
        None
    }

    /// A path of URLs, without query and fragment.
    pub(super) fn url_path(&mut self, path: &Path, text: &str) -> Option<String> {
        let printable =
            text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'"' | b'<' | b'>' | b'\\'));
        let dots = text.split('/').any(|part| matches!(part, "." | ".."));
        if text.starts_with('/') && printable && !dots && !text.contains("//") {
            return Some(text.to_owned());
        }
        let message = format!("`{}` is no path of a URL", text.escape_debug());
        self.report(
            path,
            message,
            "begin with `/`, write other characters than ASCII as `%XX`, and no `?`, `#` or `..`",
        );
        None
    }

    /// A host name, in lower case.
    pub(super) fn host(&mut self, path: &Path, text: &str) -> Option<String> {
        let host = text.to_ascii_lowercase();
        if is_host(&host) {
            return Some(host);
        }
        let help = if text.contains("://") || text.contains('/') || text.contains(':') {
            "write the name alone: no `http://`, no port, no path"
        } else {
            "write a name such as `shop.example.com`"
        };
        self.report(path, format!("`{}` is no host name", text.escape_debug()), help);
        None
    }

    /// A destination outside: `host:port`, where the host may begin with `*.` or be an address.
    pub(super) fn destination(&mut self, path: &Path, text: &str) -> Option<String> {
        let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
        let bare = host.strip_prefix("*.").unwrap_or(host);
        let six = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host_fine =
            is_host(&bare.to_ascii_lowercase()) || six.is_some_and(|six| six.parse::<std::net::Ipv6Addr>().is_ok());
        if host_fine && port.parse::<u16>().is_ok_and(|port| port > 0) && port.bytes().all(|b| b.is_ascii_digit()) {
            return Some(text.to_ascii_lowercase());
        }
        let message = format!("`{}` is no destination", text.escape_debug());
        self.report(path, message, "write `host:port`, such as `db.example.com:5432` or `*.example.com:443`");
        None
    }

    /// Where a node is: `ssh://user@host`, with a port if need be.
    pub(super) fn node_address(&mut self, path: &Path, text: &str) -> Option<String> {
        let rest = text.strip_prefix("ssh://").unwrap_or("");
        let (user, place) = rest.split_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
        let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
        // A leading hyphen would be an option of the ssh program.
        let word = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        if user.is_none_or(word) && word(host) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|p| p > 0)) {
            return Some(text.to_owned());
        }
        self.report(
            path,
            format!("`{}` is no node", text.escape_debug()),
            "write `ssh://user@host` or `ssh://user@host:port`",
        );
        None
    }
}

/// The path without empty parts and `.`; `.` when nothing is left.
fn normal(text: &str) -> String {
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// RFC 1123: labels of letters, digits and inner hyphens.
fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    text.len() <= 253 && text.split('.').all(label)
}
