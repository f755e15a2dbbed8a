//! The gate of an environment: whether what is known of a release lets it in, today.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::clock;
use seaworthy_model::gate::{Decision, decide, way_out};
use seaworthy_model::release::ReleaseBundle;
use seaworthy_model::{Date, Name};
use std::time::SystemTime;

/// How many findings are named.
const NAMED_MAX: usize = 20;

/// Refuses a release that has findings which the environment's gate does not let pass. One that was never checked has
/// none that are known.
pub(crate) fn check(bundle: &ReleaseBundle, environment: &Name, now: SystemTime) -> Result<(), Diagnostic> {
    let (Some(checked), Some(spec)) = (&bundle.checked, bundle.environments.get(environment)) else { return Ok(()) };
    let today = Date::of_time(&clock::rfc3339(now)).map_err(|error| Diagnostic::machine(error.to_string()))?;
    let decision = decide(&checked.findings, &bundle.gates.of_environment(spec), &bundle.gates.waivers, today);
    if decision.stopped_by.is_empty() { Ok(()) } else { Err(refusal(bundle, environment, &decision)) }
}

fn refusal(bundle: &ReleaseBundle, environment: &Name, decision: &Decision) -> Diagnostic {
    let known = bundle.checked.iter().flat_map(|checked| &checked.findings);
    let stopping = decision.stopped_by.iter().filter_map(|stop| {
        let finding = known.clone().find(|finding| finding.fingerprint() == stop.finding)?;
        Some((stop, finding))
    });
    let lines = stopping.clone().take(NAMED_MAX).map(|(stop, finding)| {
        let place = finding.place().map(|place| format!("{place}: ")).unwrap_or_default();
        let (severity, rule, message) = (finding.severity, &finding.rule, &finding.message);
        format!("{severity} {rule} {place}{message} [{}]", stop.finding)
    });
    let count = decision.stopped_by.len();
    let what = if count == 1 { "a finding stops".to_owned() } else { format!("{count} findings stop") };
    let release = bundle.release.digest();
    let message = format!("{what} release {} in `{environment}`", release.short());
    let help = way_out(stopping.clone().map(|(_, finding)| finding));
    Diagnostic::user(message).evidence(lines).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_model::finding::{Finding, Severity, Source};
    use seaworthy_model::manifest::parse;
    use seaworthy_model::release::{Checked, Provenance, RELEASE_FORMAT, Release};
    use std::time::Duration;

    fn bundle(gates: &str, checked: bool) -> ReleaseBundle {
        let text = format!("app = \"a\"\n[services.a]\nrun = [\"./a\"]\n[environments.prod]\n{gates}");
        let manifest = parse("seaworthy.toml", &text).unwrap();
        let findings = vec![Finding::new(Source::Scan, "CVE-1", Severity::High, "an old library")];
        let provenance = Provenance {
            commit: None,
            dirty: false,
            unlocked: false,
            folder: None,
            source: String::new(),
            built_at: String::new(),
            platform: String::new(),
        };
        ReleaseBundle {
            release: Release {
                format: RELEASE_FORMAT,
                app: manifest.app,
                services: Default::default(),
                routes: Default::default(),
                jobs: Default::default(),
            },
            environments: manifest.environments,
            provenance,
            attachments: Default::default(),
            gates: manifest.gates,
            checked: checked.then(|| Checked { at: String::new(), findings }),
            tested: false,
        }
    }

    /// 2026-11-27, and how many days later.
    fn stops(bundle: &ReleaseBundle, environment: &str, days: u64) -> bool {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_737_600 + days * 86_400);
        check(bundle, &Name::new(environment).unwrap(), now).is_err()
    }

    #[test]
    fn only_what_is_known_and_not_waived_stops_and_only_where_a_gate_is() {
        assert!(stops(&bundle("", true), "prod", 0), "production has the gate of releases");
        assert!(!stops(&bundle("", true), "dev", 0), "other environments have none");
        assert!(!stops(&bundle("", false), "prod", 0), "nothing is known of what was never checked");
        assert!(!stops(&bundle("gate = \"critical\"\n", true), "prod", 0));
        let waiver =
            "[[gates.waivers]]\nfinding = \"CVE-1\"\nreason = \"r\"\nowner = \"o\"\nexpires = \"2026-11-28\"\n";
        let days = [0, 1, 2].map(|days| stops(&bundle(waiver, true), "prod", days));
        assert_eq!(days, [false, false, true], "a waiver counts through its last day");
    }
}
