//! Text that Markdown takes as nothing but text. Everything from outside stands in code: there no markup, no HTML, no
//! link, no mention and no command of a forge means anything.

use crate::text::clean;

/// A code span on one line (CommonMark 6.1): its fence is longer than any run of backticks in it.
pub(super) fn code(text: &str) -> String {
    let text = clean(text).replace(['\n', '\t'], " ");
    // A span of nothing but spaces, or none at all, would be no span.
    let text = if text.trim().is_empty() { "…".to_owned() } else { text };
    let fence = "`".repeat(longest_run(&text) + 1);
    // A space at each end is taken away again; without it a backtick there would lengthen the fence.
    if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        format!("{fence} {text} {fence}")
    } else {
        format!("{fence}{text}{fence}")
    }
}

/// A code span in a table's cell: there a bar ends the cell even within code, unless it is escaped, and the backslash
/// is taken away again (GFM 4.10). A backslash before a bar cannot be written, so the two are parted.
pub(super) fn cell(text: &str) -> String {
    code(text).replace("\\|", "\\ |").replace('|', "\\|")
}

/// A fenced block (CommonMark 4.5) that no line of the content closes.
pub(super) fn fence(text: &str) -> String {
    let text = clean(text);
    let fence = "`".repeat((longest_run(&text) + 1).max(3));
    format!("{fence}text\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}
