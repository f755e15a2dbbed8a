//! The role that a job's first process has, and nothing else.

fn main() -> std::process::ExitCode {
    seaworthy_confine::main()
}
