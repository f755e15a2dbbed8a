//! The engine with real processes: every test has a home of its own and leaves no process behind.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adoption;
mod base;
mod commands;
mod endings;
mod health;
mod network;
mod output;
mod sandbox;
mod starts;
mod users;
mod walls;
mod world;
