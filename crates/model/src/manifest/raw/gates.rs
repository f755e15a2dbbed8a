//! `[gates]`.

use super::LeastSeverity;
use schemars::JsonSchema;
use serde::Deserialize;

/// Which findings stop a release, and which are waived for a while.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::manifest) struct Gates {
    /// What stops a release: the least severity, or a table. Default: `high`.
    pub release: Option<GateEntry>,
    /// Findings that are accepted until a day.
    pub waivers: Vec<Waiver>,
}

/// A severity, or a table that says more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::manifest) enum GateEntry {
    Severity(LeastSeverity),
    Full(Gate),
}

/// Which findings stop.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::manifest) struct Gate {
    /// Findings of this severity and worse stop. Default: `high`.
    pub severity: Option<LeastSeverity>,
    /// The severity from which findings of tests stop. Default: `severity`.
    pub test: Option<LeastSeverity>,
    /// The severity from which findings of scans stop. Default: `severity`.
    pub scan: Option<LeastSeverity>,
    /// The severity from which findings of checks stop. Default: `severity`.
    pub check: Option<LeastSeverity>,
    /// Rules whose findings stop, however severe they are.
    pub stop: Vec<String>,
}

/// A finding that is known and accepted until a day.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["finding", "reason", "owner", "expires"]))]
pub(in crate::manifest) struct Waiver {
    /// The finding's fingerprint, or a rule: then every finding of it.
    pub finding: Option<String>,
    /// The service that it is limited to.
    pub service: Option<String>,
    /// Why the finding is accepted.
    pub reason: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The last day on which it counts, such as `2027-01-31`.
    pub expires: Option<String>,
}
