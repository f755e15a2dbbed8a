//! Load by wrk: as many requests as the connections can carry.

use crate::failure::Failure;
use crate::shell;
use std::net::SocketAddr;
use std::path::Path;

/// What wrk saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Load {
    pub(super) requests: f64,
    pub(super) requests_per_second: f64,
    pub(super) median_ms: f64,
    pub(super) p99_ms: f64,
    /// Broken connections, timeouts, and answers that were no success.
    pub(super) errors: u64,
}

/// One thread, for some seconds.
pub(super) fn load(address: SocketAddr, host: &str, connections: u64, seconds: u64) -> Result<Load, Failure> {
    let words = words(&format!("http://{address}/bench"), host, connections, seconds);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    parse(&shell::capture(Path::new("/"), &words)?)
}

/// The command line for it.
pub(super) fn words(url: &str, host: &str, connections: u64, seconds: u64) -> [String; 7] {
    [
        "wrk".to_owned(),
        "--threads=1".to_owned(),
        "--latency".to_owned(),
        format!("--connections={connections}"),
        format!("--duration={seconds}s"),
        format!("--header=Host: {host}"),
        url.to_owned(),
    ]
}

/// What wrk printed.
pub(super) fn parse(output: &str) -> Result<Load, Failure> {
    read(output).ok_or_else(|| Failure::Bench(format!("cannot read what wrk says:\n{output}")))
}

fn read(output: &str) -> Option<Load> {
    let after = |name: &str| {
        let line = output.lines().map(str::trim).find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()
    };
    let requests = output.lines().find(|line| line.contains(" requests in "))?.split_whitespace().next()?;
    let socket_errors = output.lines().find_map(|line| line.trim().strip_prefix("Socket errors: "));
    let broken: u64 = socket_errors
        .into_iter()
        .flat_map(|line| line.split(", "))
        .filter_map(|part| part.split(' ').nth(1)?.parse::<u64>().ok())
        .sum();
    let unsuccessful = after("Non-2xx or 3xx responses:").map_or(Some(0), |text| text.parse().ok())?;
    Some(Load {
        requests: requests.parse().ok()?,
        requests_per_second: after("Requests/sec:")?.parse().ok()?,
        median_ms: milliseconds(after("50%")?)?,
        p99_ms: milliseconds(after("99%")?)?,
        errors: broken + unsuccessful,
    })
}

fn milliseconds(text: &str) -> Option<f64> {
    let unit = text.find(|character: char| character.is_alphabetic())?;
    let number: f64 = text[..unit].parse().ok()?;
    Some(match &text[unit..] {
        "us" => number / 1000.0,
        "ms" => number,
        "s" => number * 1000.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_read() {
        let output = "Running 1s test @ http://127.0.0.1:1/\n  Latency Distribution\n     50%  950.00us\n     99%    1.50s \n  \
                      1200 requests in 1.00s, 1.00MB read\n  Socket errors: connect 1, read 2, write 0, timeout 3\n  \
                      Non-2xx or 3xx responses: 4\nRequests/sec:   1199.50\n";
        let load = Load { requests: 1200.0, requests_per_second: 1199.5, median_ms: 0.95, p99_ms: 1500.0, errors: 10 };
        assert_eq!(read(output), Some(load));
        assert_eq!(read("nothing"), None);
    }
}
