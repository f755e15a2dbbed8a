//! `seaworthy check`: the verdict on a commit. Exits 0 (passed), 1 (failed) or 2 (refused, or it could not run).

use crate::arguments::CheckArguments;
use crate::build::What;
use crate::check::{run as check, show, write_bundle, write_reports};
use crate::context::Context;
use crate::exit::{Ended, Ending};
use seaworthy_model::verdict::VerdictOutcome;
use seaworthy_pipeline::{SourceOf, StepLimits};

pub(super) async fn run(context: &Context, arguments: &CheckArguments) -> Ending {
    let of = if arguments.working_tree { SourceOf::WorkingTree } else { SourceOf::Commit(arguments.commit.clone()) };
    let usual = StepLimits::of_this_machine();
    let limits = StepLimits {
        time_max: arguments.step_time.unwrap_or(usual.time_max),
        memory_bytes_max: arguments.step_memory.unwrap_or(usual.memory_bytes_max),
        // A node that can limits a whole check.
        watched: std::env::var_os("SEAWORTHY_CONFINED").is_none_or(|how| how != "limited"),
        ..usual
    };
    let outcome = check(context, What { of, keep_going: true, limits, ..What::new(true) }).await?;
    if let Some(file) = &arguments.bundle {
        write_bundle(file, outcome.bundle.as_ref())?;
    }
    // Said before it is written: a folder that cannot be written takes nothing away.
    if context.output.json {
        context.output.value(&outcome.verdict);
    } else {
        show(context.output, &outcome);
    }
    write_reports(context, arguments, &outcome.verdict)?;
    match outcome.verdict.outcome {
        _ if outcome.stopped => Err(Ended::Code(1)),
        VerdictOutcome::Passed => Ok(()),
        VerdictOutcome::Failed => Err(Ended::Code(1)),
        VerdictOutcome::Refused => Err(Ended::Code(2)),
    }
}
