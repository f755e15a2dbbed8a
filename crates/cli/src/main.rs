//! The `seaworthy` program: the command line, and the roles that it starts itself in.

mod arguments;
mod bases;
mod build;
mod check;
mod checked;
mod ci;
mod context;
mod exit;
mod follow;
mod images;
mod inspect;
mod on_node;
mod output;
mod send;
mod terminal;
mod verbs;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The long-lived roles come first: they must not pay for, or depend on, the command line's parser.
    let words: Vec<String> = std::env::args_os().skip(1).take(2).map(|w| w.to_string_lossy().into_owned()).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["shim", ..] => seaworthy_engine::shim::main(),
        ["gateway", ..] => seaworthy_gateway::parent::main(std::env::args_os().skip(2)),
        ["gateway-worker", ..] => seaworthy_gateway::worker::main(std::env::args_os().skip(2)),
        ["confined"] => seaworthy_confine::main(),
        ["node", "run"] => seaworthy_node::main(),
        _ => verbs::main(),
    }
}
