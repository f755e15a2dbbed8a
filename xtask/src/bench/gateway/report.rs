//! The figures, and their ratios to HAProxy's of the same round.

use super::Sample;
use crate::bench::spread::Spread;
use crate::output;

pub(super) fn print(contenders: &[(&str, &[Sample])]) {
    output::line("\nmedian (least–greatest) of all rounds\n");
    output::line("| who | CPU µs/request | requests/s | p50 ms | p99 ms | memory MB |\n|---|---|---|---|---|---|");
    for (name, samples) in contenders {
        let of = |figure: fn(&Sample) -> f64| Spread::of(samples.iter().map(figure));
        output::line(format!(
            "| {name} | {:.2} | {:.0} | {:.2} | {:.2} | {:.1} |",
            of(|sample| sample.cpu_us_per_request),
            of(|sample| sample.load.requests_per_second),
            of(|sample| sample.load.median_ms),
            of(|sample| sample.load.p99_ms),
            of(|sample| sample.memory_bytes as f64 / 1e6),
        ));
    }
    for (reference, reference_samples) in contenders.iter().take(2) {
        output::line(format!("\nas ratios to {reference} in the same round\n"));
        output::line("| who | CPU/request | requests/s | p50 | p99 |\n|---|---|---|---|---|");
        for (name, samples) in contenders {
            let of = |figure: fn(&Sample) -> f64| {
                Spread::of(samples.iter().zip(*reference_samples).map(|(own, other)| figure(own) / figure(other)))
            };
            output::line(format!(
                "| {name} | {:.2} | {:.2} | {:.2} | {:.2} |",
                of(|sample| sample.cpu_us_per_request),
                of(|sample| sample.load.requests_per_second),
                of(|sample| sample.load.median_ms),
                of(|sample| sample.load.p99_ms),
            ));
        }
    }
}
