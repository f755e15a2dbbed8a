//! `seaworthy completions SHELL`.

use crate::arguments::Arguments;
use crate::context::Context;
use crate::exit::Ending;
use clap::CommandFactory as _;
use clap_complete::Shell;

pub(super) fn run(context: &Context, shell: Shell) -> Ending {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "seaworthy", &mut script);
    let script = String::from_utf8_lossy(&script);
    if context.output.json {
        context.output.value(&serde_json::json!({ "shell": shell.to_string(), "script": script }));
    } else {
        context.output.data(script.trim_end());
    }
    Ok(())
}
