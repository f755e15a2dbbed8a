//! The verdict in files of other formats.

use crate::arguments::CheckArguments;
use crate::context::Context;
use crate::exit::Ended;
use seaworthy_host::files;
use seaworthy_model::verdict::Verdict;
use seaworthy_pipeline::upstream::Upstream;
use seaworthy_reports::{junit, markdown, sarif};
use std::path::Path;

/// Writes what was asked for.
pub(crate) fn write(context: &Context, arguments: &CheckArguments, verdict: &Verdict) -> Result<(), Ended> {
    if let Some(file) = &arguments.junit {
        put(file, &junit::write(verdict))?;
    }
    if let Some(file) = &arguments.sarif {
        // Code scanning wants paths from the repository's root.
        let upstream = Upstream::of(&context.manifest_file()?).map_err(Ended::failed)?;
        let folder = upstream.manifest.rsplit_once('/').map_or("", |(folder, _)| folder);
        put(file, &sarif::write(verdict, folder, env!("CARGO_PKG_VERSION")))?;
    }
    if let Some(file) = &arguments.markdown {
        put(file, &markdown::write(verdict))?;
    }
    Ok(())
}

fn put(file: &Path, text: &str) -> Result<(), Ended> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let made = folder.map_or(Ok(()), |folder| files::create_directory(folder, 0o755));
    made.and_then(|()| files::write_atomic(file, text.as_bytes(), 0o644)).map_err(|error| Ended::refused(error.into()))
}
