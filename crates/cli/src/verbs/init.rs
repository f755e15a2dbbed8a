//! `seaworthy init`: write a manifest for what is in this folder, and the workflow of a forge.

use crate::arguments::{Forge, InitArguments};
use crate::ci::{Wanted, place, workflow};
use crate::context::Context;
use crate::exit::{Ended, Ending};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::{Capabilities, ShimCommand};
use seaworthy_model::manifest::MANIFEST_FILE;
use seaworthy_pipeline::discover::{Networks, discover};
use seaworthy_pipeline::upstream::{self, Upstream};
use std::path::{Path, PathBuf};

pub(super) fn run(context: &Context, arguments: &InitArguments) -> Ending {
    match arguments.ci {
        None => {
            let file = context.common.file.clone().unwrap_or_else(|| PathBuf::from(MANIFEST_FILE));
            if file.exists() && !arguments.force {
                return Err(is_there(&file, "`seaworthy init --force` writes over it"));
            }
            let text = manifest(&file)?;
            if context.output.json {
                context.output.value(&serde_json::json!({ "file": file }));
            } else {
                context.output.data(text.trim_end());
                context.output.note(&format!("wrote `{}`: read it, then `seaworthy up`", file.display()));
            }
            Ok(())
        }
        Some(forge) => ci(context, arguments, forge),
    }
}

/// Writes a manifest for the folder that it is to lie in.
fn manifest(file: &Path) -> Result<String, Ended> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let sandboxed = Capabilities::find(&ShimCommand::default()).sandbox().is_ok();
    let networks = if sandboxed { Networks::Own } else { Networks::Shared };
    let text = discover(folder, networks).map_err(Ended::refused)?;
    write(file, &text)?;
    Ok(text)
}

/// Writes the workflow, and the manifest if there is none.
fn ci(context: &Context, arguments: &InitArguments, forge: Forge) -> Ending {
    if let Some(source) = &arguments.from {
        check_source(source)?;
    }
    // Where the workflow goes depends on where the manifest is; nothing is written before both are known to be right.
    let (file, is_new) = match context.manifest_file() {
        Ok(file) if file.exists() => (file, false),
        Ok(file) => (file, true),
        Err(_) => (PathBuf::from(MANIFEST_FILE), true),
    };
    let to = match &arguments.to {
        Some(to) => to.clone(),
        None => shown(&top(&file)?.join(place(forge))),
    };
    if to.exists() && !arguments.force {
        let help = match forge {
            Forge::Gitlab if arguments.to.is_none() => {
                "`--to .gitlab/seaworthy.yml` writes it beside it, for `include: .gitlab/seaworthy.yml`; `--force` \
                 writes over it"
            }
            _ => "`--force` writes over it, `--to FILE` writes it elsewhere",
        };
        return Err(is_there(&to, help));
    }
    if is_new {
        manifest(&file)?;
        context.output.note(&format!("wrote `{}`: read it, then `seaworthy up`", file.display()));
    }
    let upstream = Upstream::of(&file).map_err(Ended::refused)?;
    let source = arguments.from.as_deref();
    let text = workflow(&Wanted { forge, source, upstream: &upstream, manifest: &context.manifest()? });
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        seaworthy_host::files::create_directory(folder, 0o755).map_err(|e| Ended::failed(e.into()))?;
    }
    write(&to, &text)?;
    if context.output.json {
        let manifest = is_new.then_some(&file);
        context.output.value(&serde_json::json!({ "file": to, "manifest": manifest, "branch": upstream.branch }));
    } else {
        context.output.data(&text);
    }
    context.output.note(&format!("wrote `{}`: pushes to `{}` and requests are checked", to.display(), upstream.branch));
    if source.is_none() {
        let help = "write the git repository that it is built from into `SEAWORTHY_SOURCE`, there is no release yet";
        context.output.warning(&format!("the workflow does not know where seaworthy comes from: {help}"));
    }
    Ok(())
}

/// The top of the repository that a manifest lies in, or will.
fn top(file: &Path) -> Result<PathBuf, Ended> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize().map_err(|error| {
        let error = seaworthy_host::files::FileError::new("read", folder, error);
        Ended::refused(error.into())
    })?;
    Ok(upstream::top(&folder))
}

/// As short as it can be typed here.
fn shown(path: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
    here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf)).unwrap_or_else(|| path.to_path_buf())
}

fn write(file: &Path, text: &str) -> Ending {
    seaworthy_host::files::write_atomic(file, text.as_bytes(), 0o644).map_err(|e| Ended::failed(e.into()))
}

fn is_there(file: &Path, help: &str) -> Ended {
    Ended::refused(Diagnostic::user(format!("`{}` is there already", file.display())).help(help))
}

/// What git would take for an option, or a shell for more than a word, is no address; what has a password in it does
/// not belong into a file that everybody reads.
fn check_source(source: &str) -> Ending {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "\"'\\`$".contains(c);
    if source.is_empty() || source.starts_with('-') || source.contains(odd) {
        let error = Diagnostic::user(format!("`{}` is no address of a git repository", source.escape_debug()));
        return Err(Ended::refused(error.help("write it as for `git clone`: `https://…` or `ssh://…`")));
    }
    let host = source.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or(rest));
    if host.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
        let error = Diagnostic::user("the address holds a password, and everybody reads the workflow");
        return Err(Ended::refused(error.help("leave it out, and give the runner's git its credentials")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_addresses_without_secrets() {
        for good in ["https://git.example.com/s.git", "ssh://git@example.com/s", "git@example.com:s.git", "/srv/s.git"]
        {
            assert!(check_source(good).is_ok(), "{good}");
        }
        for bad in ["", "-upload-pack=x", "https://me:secret@example.com/s", "a b", "a\"b", "$(x)", "a\nb"] {
            assert!(check_source(bad).is_err(), "{bad}");
        }
    }
}
