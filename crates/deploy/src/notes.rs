//! What somebody should know before saying yes to a plan.

use crate::pairing::Pairing;
use crate::plan::Plan;
use crate::smoke_checks::smoke_checks;
use seaworthy_model::deployment::Verb;
use seaworthy_model::units::format_duration;

/// A line each.
pub(crate) fn notes(plan: &Plan, pairing: &Pairing<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for change in pairing.changed_over.iter().filter(|change| change.holds()) {
        let hold = change.new.tuning.hold.min(change.old.tuning.hold);
        notes.push(format!(
            "`{}` is replaced: its requests wait meanwhile, after {} they are answered 503 with Retry-After",
            change.new.service,
            format_duration(hold)
        ));
    }
    for service in plan.irreversible() {
        notes.push(format!("`{service}` is not reversible: once its `before` has run, nothing goes back by itself"));
    }
    if plan.verb == Verb::Rollback {
        notes.extend(rollback_notes(plan));
    }
    if let Some(to) = &plan.to {
        notes.extend(to.not_enforced.iter().cloned());
        notes.extend(smoke_checks(to, &pairing.changed_over).unguarded);
    }
    notes
}

/// Data does not go back.
fn rollback_notes(plan: &Plan) -> Vec<String> {
    let (Some(from), Some(to)) = (&plan.from, &plan.to) else { return Vec::new() };
    let left = from.pools.values().filter(|pool| to.pools.get(&pool.service).is_none_or(|other| other.id != pool.id));
    let migrated = left.filter(|pool| !pool.before.is_empty());
    migrated
        .map(|pool| {
            let service = &pool.service;
            if pool.reversible {
                format!("what `before` of `{service}` did to its data stays done")
            } else {
                format!("`{service}` of revision {} may not work with the data of revision {}", to.number, from.number)
            }
        })
        .collect()
}
