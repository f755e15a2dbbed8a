//! `seaworthy schema`.

use crate::context::Context;
use crate::exit::Ending;

pub(super) fn run(context: &Context) -> Ending {
    let schema = seaworthy_model::manifest::schema();
    context.output.data(&serde_json::to_string_pretty(&schema).unwrap_or_default());
    Ok(())
}
