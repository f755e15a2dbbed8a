//! `seaworthy diff A B`: exits 0 (the same) or 2 (something differs).

use crate::arguments::DiffArguments;
use crate::context::Context;
use crate::exit::{Ended, Ending};

pub(super) async fn run(context: &Context, arguments: &DiffArguments) -> Ending {
    let app = context.app()?;
    context.check_same_node(&arguments.a, &arguments.b)?;
    let mut client = context.reader(Some(&arguments.b)).await?;
    for environment in [&arguments.a, &arguments.b] {
        context.check_known(&mut client, &app, environment).await?;
    }
    let changes = client.difference(&app, &arguments.a, &arguments.b).await?;
    if context.output.json {
        context.output.value(&changes);
    } else if changes.is_empty() {
        context.output.data(&format!("{} and {} run the same", arguments.a, arguments.b));
    } else {
        changes.iter().for_each(|line| context.output.data(line));
    }
    if changes.is_empty() { Ok(()) } else { Err(Ended::Differs) }
}
