//! The gateway as it runs: a parent, a worker, clients and instances, each a process or a socket of its own.
//!
//! This test program plays all roles: it starts itself again with `parent_role` or `worker_role` as the only test.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod egress;
mod fan_out;
mod http;
mod http_client;
mod inside;
mod instances;
mod life;
mod load;
mod sandboxed;
mod tcp;
mod upgrade;
mod users;
mod world;

use std::ffi::OsString;

/// The arguments after `--` if this process was started in a role.
fn role_args() -> Option<Vec<OsString>> {
    let mut args = std::env::args_os().skip_while(|arg| arg != "--");
    args.next()?;
    Some(args.collect())
}

#[test]
fn parent_role() {
    if let Some(args) = role_args() {
        let code = seaworthy_gateway::parent::main(args);
        std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
    }
}

#[test]
fn worker_role() {
    if let Some(args) = role_args() {
        let code = seaworthy_gateway::worker::main(args);
        std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
    }
}

/// Asks a gateway as somebody who may not: the arguments are its runtime directory.
#[test]
fn stranger_role() {
    if let Some(args) = role_args() {
        users::ask_as_a_stranger(&args);
    }
}
