//! How much of what tests say is taken in, and how much is given out.

/// The largest report that is read, in bytes.
pub const REPORT_BYTES_MAX: usize = 32 << 20;
/// How deep a report's elements may lie in each other.
pub const DEPTH_MAX: usize = 64;
/// The most tests that one service's reports may name.
pub const CASES_MAX: usize = 20_000;
/// The longest name of a test, class, suite or file, in bytes.
pub const NAME_BYTES_MAX: usize = 500;
/// The longest message of a test, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1_000;
/// The most evidence that is kept of one test, in bytes.
pub const DETAILS_BYTES_MAX: usize = 8 << 10;
/// The most evidence that is kept of one service's tests, in bytes.
pub const DETAILS_BYTES_SUM: usize = 1 << 20;
/// The most results that are written as SARIF; code scanning takes 25,000, and shows 5,000.
pub const RESULTS_MAX: usize = 5_000;
/// The longest summary, in bytes: a comment on a pull request may have 65,536 characters.
pub const SUMMARY_BYTES_MAX: usize = 60 << 10;
