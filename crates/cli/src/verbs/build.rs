//! `seaworthy build`: test and build a release into the user's own store.

use crate::arguments::BuildArguments;
use crate::bases::is_ignored;
use crate::build::{What, run as build, verify_twice};
use crate::context::Context;
use crate::exit::{Ended, Ending};
use seaworthy_model::manifest::LOCK_FILE;

pub(super) async fn run(context: &Context, arguments: &BuildArguments) -> Ending {
    let what = What { test: !arguments.no_test, update: arguments.update, ..What::new(arguments.commit) };
    if arguments.verify {
        return verify(context, what).await;
    }
    let built = build(context, what).await?;
    let digest = built.bundle.release.digest();
    if context.output.json {
        let provenance = &built.bundle.provenance;
        context.output.value(&serde_json::json!({ "release": digest, "provenance": provenance }));
    } else {
        let provenance = &built.bundle.provenance;
        let caveat = provenance.caveat().map(|caveat| format!(" ({caveat})")).unwrap_or_default();
        context.output.data(&format!("release {}{caveat}", digest.short()));
        if provenance.unlocked && !provenance.dirty {
            let file = context.manifest_file()?.with_file_name(LOCK_FILE);
            context.output.note(if is_ignored(&file) {
                "git ignores `seaworthy.lock`: another build of this commit, elsewhere, may give other images"
            } else {
                "commit `seaworthy.lock`: without it another build of this commit may give other images"
            });
        }
    }
    Ok(())
}

async fn verify(context: &Context, what: What) -> Ending {
    let verified = verify_twice(context, what).await?;
    let same = verified.values().all(|service| service.first == service.second);
    if context.output.json {
        context.output.value(&verified);
    } else {
        for (name, service) in &verified {
            let (first, second) = (service.first.short(), service.second.short());
            context.output.data(&match &service.difference {
                None => format!("{name}: {first} both times"),
                Some(difference) => format!("{name}: {first}, then {second}: {difference}"),
            });
        }
    }
    if same { Ok(()) } else { Err(Ended::Differs) }
}
