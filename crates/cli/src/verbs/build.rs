//! `seaworthy build`: test and build a release into the user's own store.

use crate::arguments::BuildArguments;
use crate::build::{What, run as build};
use crate::context::Context;
use crate::exit::Ending;

pub(super) async fn run(context: &Context, arguments: &BuildArguments) -> Ending {
    let built = build(context, What { commit: arguments.commit, test: !arguments.no_test }).await?;
    let digest = built.bundle.release.digest();
    if context.output.json {
        let provenance = &built.bundle.provenance;
        context.output.value(&serde_json::json!({ "release": digest, "provenance": provenance }));
    } else {
        let dirty = if built.bundle.provenance.dirty { " (with changes that no commit has)" } else { "" };
        context.output.data(&format!("release {}{dirty}", digest.short()));
    }
    Ok(())
}
