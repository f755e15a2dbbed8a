//! Which checks belong to a stage.

use seaworthy_model::release::{Check, Stage};

/// The checks of a release, parted by a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<'a> {
    /// Those that run.
    pub run: Vec<&'a Check>,
    /// Those that are not for this stage; they are listed, so that nobody believes that they passed.
    pub not_for_this_stage: Vec<&'a Check>,
}

/// Parts checks by a stage, keeping their order.
#[must_use]
pub fn select(checks: &[Check], stage: Stage) -> Selection<'_> {
    let (run, not_for_this_stage) = checks.iter().partition(|check| check.runs_in(stage));
    Selection { run, not_for_this_stage }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_model::Digest;

    fn check(file: &str, methods: &[&str], runs: Option<Vec<Stage>>) -> Check {
        let methods = methods.iter().map(|&method| method.to_owned()).collect();
        Check { file: file.to_owned(), digest: Digest::of(b""), methods, runs, every: None }
    }

    #[test]
    fn nobody_pays_the_invoices_of_production_by_accident() {
        let checks = [
            check("look", &["GET"], None),
            check("pay", &["GET", "POST"], None),
            check("pay-a-test-invoice", &["POST"], Some(vec![Stage::Smoke])),
        ];
        let names = |checks: Vec<&Check>| checks.iter().map(|check| check.file.clone()).collect::<Vec<_>>();
        let of = |stage| {
            let selection = select(&checks, stage);
            (names(selection.run), names(selection.not_for_this_stage))
        };
        let expected = |run: &[&str], not: &[&str]| {
            let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
            (own(run), own(not))
        };
        assert_eq!(of(Stage::Functional), expected(&["look", "pay"], &["pay-a-test-invoice"]));
        assert_eq!(of(Stage::Smoke), expected(&["look", "pay-a-test-invoice"], &["pay"]));
        assert_eq!(of(Stage::Monitor), expected(&["look"], &["pay", "pay-a-test-invoice"]));
    }
}
