//! The shim's role, for `cargo xtask bench start`; the real one is in the `seaworthy` binary.

fn main() -> std::process::ExitCode {
    seaworthy_engine::shim::main()
}
