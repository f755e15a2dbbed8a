//! `checks`: Hurl files into the store, with the methods that they use.

use crate::collect::matching;
use crate::seams::{BlobSink, Inspect};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files;
use seaworthy_model::manifest::CheckSource;
use seaworthy_model::release::Check;
use std::collections::BTreeMap;
use std::path::Path;

/// Where the checks of one service or route lie.
pub(crate) struct Checked<'a> {
    /// `service echo-go`, for messages.
    pub(crate) of: String,
    /// The folder that the globs are relative to, relative to the manifest's; `.` for the same.
    pub(crate) path: &'a str,
    /// The entries of `checks`.
    pub(crate) sources: &'a [CheckSource],
}

/// The checks of one service or route, in the order of their paths. Of two entries that match one file the later
/// counts.
pub(crate) fn collect(
    folder: &Path,
    checked: &Checked<'_>,
    blobs: &dyn BlobSink,
    inspect: &dyn Inspect,
) -> Result<Vec<Check>, Vec<Diagnostic>> {
    let one = |error: Diagnostic| vec![error];
    let base = folder.join(checked.path);
    let base = base.canonicalize().map_err(|error| one(files::FileError::new("read", &base, error).into()))?;
    let mut found: BTreeMap<String, &CheckSource> = BTreeMap::new();
    for source in checked.sources {
        let matches = matching(&base, &source.glob).map_err(one)?;
        if matches.is_empty() {
            let message = format!("no file matches `{}` of the {}", source.glob, checked.of);
            return Err(one(Diagnostic::user(message).help("write the check, or take the entry out of `checks`")));
        }
        found.extend(matches.into_iter().map(|path| (path, source)));
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for relative in found.keys() {
        let path = base.join(relative);
        let resolved = path.canonicalize().map_err(|error| one(files::FileError::new("read", &path, error).into()))?;
        if !resolved.starts_with(&base) || !resolved.is_file() {
            let message = format!("`{relative}` of the {} is no file in its folder", checked.of);
            return Err(one(Diagnostic::user(message).help("copy the check into the folder")));
        }
        paths.push(path);
    }
    let methods = inspect.methods(&paths)?;
    let mut checks = Vec::new();
    for (((relative, source), path), methods) in found.iter().zip(&paths).zip(methods) {
        let bytes = files::read(path).map_err(|error| one(error.into()))?;
        let shown = if checked.path == "." { relative.clone() } else { format!("{}/{relative}", checked.path) };
        checks.push(Check {
            file: shown,
            digest: blobs.put_bytes(&bytes).map_err(one)?,
            methods,
            runs: source.runs.clone(),
            every: source.every,
        });
    }
    Ok(checks)
}
