//! `seaworthy completions SHELL`.

use crate::arguments::Arguments;
use crate::exit::Ending;
use clap::CommandFactory as _;
use clap_complete::Shell;

pub(super) fn run(shell: Shell) -> Ending {
    clap_complete::generate(shell, &mut Arguments::command(), "seaworthy", &mut std::io::stdout());
    Ok(())
}
