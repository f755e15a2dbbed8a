//! `seaworthy init`: write a manifest for what is in this folder.

use crate::arguments::InitArguments;
use crate::context::Context;
use crate::exit::{Ended, Ending};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::{Capabilities, ShimCommand};
use seaworthy_model::manifest::MANIFEST_FILE;
use seaworthy_pipeline::discover::{Networks, discover};
use std::path::{Path, PathBuf};

pub(super) fn run(context: &Context, arguments: &InitArguments) -> Ending {
    let file = context.common.file.clone().unwrap_or_else(|| PathBuf::from(MANIFEST_FILE));
    if file.exists() && !arguments.force {
        let error = Diagnostic::user(format!("`{}` is there already", file.display()));
        return Err(Ended::refused(error.help("`seaworthy init --force` writes over it")));
    }
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let sandboxed = Capabilities::find(&ShimCommand::default()).sandbox().is_ok();
    let networks = if sandboxed { Networks::Own } else { Networks::Shared };
    let text = discover(folder, networks).map_err(Ended::refused)?;
    seaworthy_host::files::write_atomic(&file, text.as_bytes(), 0o644).map_err(|e| Ended::failed(e.into()))?;
    if context.output.json {
        context.output.value(&serde_json::json!({ "file": file }));
    } else {
        context.output.data(text.trim_end());
        context.output.note(&format!("wrote `{}`: read it, then `seaworthy up`", file.display()));
    }
    Ok(())
}
