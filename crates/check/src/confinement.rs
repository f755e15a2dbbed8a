//! What a check may not do: reach for another server or for the files of the machine.
//!
//! A check is to prove something about the deployment under test. Connections go where the request says, so everything
//! in a file that would send them elsewhere is refused, and so is everything that reads or writes files. The checks may
//! run on a server, and their texts come with every commit.

use crate::failure;
use crate::source;
use hurl::runner::{RunnerOptions, RunnerOptionsBuilder};
use hurl::util::path::ContextDir;
use hurl_core::ast::visit::{self, Visitor};
use hurl_core::ast::{EntryOption, File, FilenameParam, HurlFile, OptionKind, SourceInfo};
use hurl_core::reader::Pos;
use seaworthy_checks::wire::{Connect, Failure, FailureKind};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// The largest body of an answer.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// How Hurl runs a file whose connections go to `connect`.
pub(crate) fn runner_options(connect: Option<&Connect>, timeout: Duration) -> RunnerOptions {
    let mut options = RunnerOptionsBuilder::new();
    options.timeout(timeout).connect_timeout(timeout).max_filesize(Some(ANSWER_BYTES_MAX));
    // Nothing can lie below a file that is no folder: should a reading option be missed below, it finds nothing.
    options.context_dir(&ContextDir::new(Path::new("/dev/null"), Path::new("/dev/null")));
    // An empty proxy is none at all, whatever `http_proxy` says.
    options.proxy(Some(String::new())).user_agent(Some("seaworthy-check".to_owned()));
    match connect {
        Some(Connect::Unix(path)) => {
            options.unix_socket(Some(path.clone()));
        }
        Some(Connect::Tcp(address)) => {
            options.connects_to(&[connect_to(address)]);
        }
        None => {}
    }
    options.build()
}

/// The form of curl's `--connect-to` that holds for every host and port, redirects included.
fn connect_to(address: &str) -> String {
    match address.parse() {
        Ok(SocketAddr::V6(v6)) => format!("::[{}]:{}", v6.ip(), v6.port()),
        Ok(SocketAddr::V4(v4)) => format!("::{v4}"),
        Err(_) => format!("::{address}"),
    }
}

/// What a file asks for although a check may not do it.
pub(crate) fn refusals(file: &HurlFile, text: &str) -> Vec<Failure> {
    let mut search = Search { text, found: Vec::new() };
    search.visit_hurl_file(file);
    search.found
}

struct Search<'a> {
    text: &'a str,
    found: Vec<Failure>,
}

impl Search<'_> {
    fn refuse(&mut self, place: SourceInfo, message: String, help: &str) {
        let (from, to) = source::positions(self.text, place);
        let help = Some(help.to_owned());
        let blank = failure::blank(FailureKind::File, message);
        self.found.push(Failure { help, from: Some(from), to: Some(to), ..blank });
    }

    fn refuse_file(&mut self, place: SourceInfo) {
        let message = "a check may not read files".to_owned();
        self.refuse(place, message, "put the content into the check itself, between ``` and ```");
    }
}

impl Visitor for Search<'_> {
    fn visit_entry_option(&mut self, option: &EntryOption) {
        let name = option.kind.identifier();
        let start = option.space0.source_info.end;
        let end = Pos { line: start.line, column: start.column + name.len() };
        let place = SourceInfo { start, end };
        match &option.kind {
            OptionKind::ConnectTo(_) | OptionKind::Resolve(_) | OptionKind::Proxy(_) | OptionKind::UnixSocket(_) => {
                let help = "remove it: `{{url}}` already leads to what is checked";
                self.refuse(place, format!("a check may not choose where it connects to: `{name}`"), help);
            }
            OptionKind::CaCertificate(_)
            | OptionKind::ClientCert(_)
            | OptionKind::ClientKey(_)
            | OptionKind::NetRc(_)
            | OptionKind::NetRcFile(_)
            | OptionKind::NetRcOptional(_)
            | OptionKind::Output(_)
            | OptionKind::PinnedPublicKey(_) => {
                let help = "remove it: a check has no files but itself";
                self.refuse(place, format!("a check may not use files: `{name}`"), help);
            }
            _ => visit::walk_entry_option(self, option),
        }
    }

    fn visit_file(&mut self, file: &File) {
        self.refuse_file(file.filename.source_info);
    }

    fn visit_filename_param(&mut self, param: &FilenameParam) {
        self.refuse_file(param.value.filename.source_info);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Vec<(usize, usize, String)> {
        let file = hurl_core::parser::parse_hurl_file(text).unwrap();
        let place = |failure: Failure| failure.from.map(|from| (from.line, from.column, failure.message));
        refusals(&file, text).into_iter().filter_map(place).collect()
    }

    #[test]
    fn every_way_out_is_refused() {
        let away = ["connect-to: a:1:b:2", "resolve: a:1:10.0.0.1", "proxy: a:1", "unix-socket: /run/a.sock"];
        let files = ["cacert: a", "cert: a", "key: a", "netrc: true", "netrc-file: a", "netrc-optional: true"];
        let more_files = ["output: a", "output: -", "pinnedpubkey: a"];
        for option in away.iter().chain(&files).chain(&more_files) {
            let found = refused(&format!("GET http://a\n[Options]\n  {option}\nHTTP 200\n"));
            let name = option.split(':').next().unwrap();
            assert!(matches!(&found[..], [(3, 3, message)] if message.contains(&format!("`{name}`"))), "{found:?}");
        }
    }

    #[test]
    fn files_are_refused_wherever_they_can_be_named() {
        assert_eq!(refused("POST http://a\nfile,/etc/passwd;\n")[0].0, 2);
        assert_eq!(refused("POST http://a\n[Multipart]\na: file,b;\n")[0].0, 3);
        assert_eq!(refused("GET http://a\nHTTP 200\nfile,b;\n")[0].0, 3);
        assert_eq!(refused("GET http://a\nHTTP 200\n[Asserts]\nbody == file,b;\n")[0].0, 4);
    }

    #[test]
    fn ordinary_options_are_not() {
        let options = "location: true\nretry: 3\ninsecure: true\nvariable: a=b\nverbose: true\nuser: a:b";
        assert_eq!(refused(&format!("GET http://a\n[Options]\n{options}\nHTTP 200\n")), vec![]);
    }

    #[test]
    fn every_host_and_port_is_led_to_the_address() {
        assert_eq!(connect_to("127.0.0.1:80"), "::127.0.0.1:80");
        assert_eq!(connect_to("[::1]:8080"), "::[::1]:8080");
    }
}
