//! The role `shim`, and nothing else.

fn main() -> std::process::ExitCode {
    seaworthy_engine::shim::main()
}
