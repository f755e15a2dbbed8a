//! Entering a running instance: another program beside its own, behind the same walls.

use super::{filter, groups, privileges};
use crate::exec::EnterSpec;
use nix::libc;
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};
use seaworthy_host::linux::Pidfd;
use seaworthy_host::{peer, process};
use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

const NAMESPACES: ThreadNameSpaceType = ThreadNameSpaceType::MOUNT
    .union(ThreadNameSpaceType::CONTROL_GROUP)
    .union(ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME)
    .union(ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION)
    .union(ThreadNameSpaceType::PROCESS_ID)
    .union(ThreadNameSpaceType::NETWORK);

/// Enters, and gives the command that starts the program there; this process stays its parent. It has one thread.
pub(crate) fn enter(spec: &EnterSpec) -> io::Result<Command> {
    let beside = Pidfd::open(spec.beside.pid).map_err(|_| gone())?;
    if !process::is_alive(spec.beside.pid, spec.beside.start_time) {
        return Err(gone());
    }
    let mut command = command(spec)?;
    let is_sandbox = spec.group.is_some();
    if let Some(group) = &spec.group {
        groups::join(group)?;
        let users = if peer::is_root() { ThreadNameSpaceType::empty() } else { ThreadNameSpaceType::USER };
        move_into_thread_name_spaces(beside.as_fd(), NAMESPACES | users)?;
        privileges::never_more()?;
        command.current_dir(crate::place::APP);
    } else {
        command.current_dir(format!("/proc/{}/cwd", spec.beside.pid));
    }
    if let Some(user) = spec.user {
        command.gid(user).uid(user);
    }
    let filters = if is_sandbox { Some(filter::programs()?) } else { None };
    let has_terminal = spec.has_terminal;
    let confine = move || {
        nix::unistd::setsid()?;
        if has_terminal {
            take_terminal()?;
        }
        rustix::thread::set_no_new_privs(true)?;
        if let Some(filters) = &filters {
            privileges::none()?;
            filter::apply(filters)?;
        }
        Ok(())
    };
    // SAFETY: this process has one thread, so whatever the child does between fork and exec finds no lock held.
    unsafe { command.pre_exec(confine) };
    Ok(command)
}

/// With the environment of the program that runs there.
fn command(spec: &EnterSpec) -> io::Result<Command> {
    let (name, arguments) = spec.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = process::command(name);
    command.args(arguments);
    let environment = fs::read(format!("/proc/{}/environ", spec.beside.pid))?;
    for variable in environment.split(|byte| *byte == 0) {
        let mut parts = variable.splitn(2, |byte| *byte == b'=');
        if let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            let text = |bytes: &[u8]| std::ffi::OsString::from_vec(bytes.to_vec());
            command.env(text(name), text(value));
        }
    }
    if spec.has_terminal {
        command.env("TERM", &spec.terminal_type);
    }
    Ok(command)
}

/// Makes standard input the terminal of this session.
fn take_terminal() -> io::Result<()> {
    // SAFETY: the call takes integers: the terminal of a session that has just been made is nobody's.
    nix::errno::Errno::result(unsafe { libc::ioctl(0, libc::TIOCSCTTY as _, 0) })?;
    Ok(())
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "its program does not run just now")
}
