//! `seaworthy image`: what was built, what is in it and why, and out of here with it.

use crate::arguments::{ExportArguments, ImageVerb, InspectArguments, PushArguments};
use crate::build::{blobs, builds_folder};
use crate::context::Context;
use crate::exit::{Ended, Ending};
use crate::images::{BuiltImage, find, list};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::{self, FileError};
use seaworthy_image::inspect::{Contents, Why, inspect};
use seaworthy_image::{ImageError, Limits, Source as _, layout, limits::DOCUMENT_BYTES_MAX, provenance, sbom};
use seaworthy_model::ImageName;
use seaworthy_pull::{Credentials, PullError, Pusher};
use seaworthy_store::Blobs;
use std::fs::{File, OpenOptions};
use std::path::Path;

/// The largest bill of materials or provenance that is printed, in bytes.
const ATTACHMENT_BYTES_MAX: u64 = 64 << 20;

pub(super) fn run(context: &Context, verb: &ImageVerb) -> Ending {
    match verb {
        ImageVerb::Ls => ls(context),
        ImageVerb::Inspect(arguments) => inspected(context, arguments),
        ImageVerb::Export(arguments) => export(context, arguments),
        ImageVerb::Push(arguments) => push(context, arguments),
    }
}

fn ls(context: &Context) -> Ending {
    let images = list(&builds_folder()?, &context.app()?)?;
    if context.output.json {
        context.output.value(&images);
        return Ok(());
    }
    if images.is_empty() {
        context.output.note("no image was built here; `seaworthy build` builds them");
    }
    for BuiltImage { service, image, size_bytes, built_at, commit, dirty, .. } in &images {
        let commit = commit.as_deref().map_or("no commit", |commit| &commit[..commit.len().min(10)]);
        let changed = if *dirty { " and changes" } else { "" };
        let (built_at, size) = (built_at.get(..19).unwrap_or(built_at), size(*size_bytes));
        context.output.data(&format!("{service:<20}  {}  {size:>9}  {built_at}  {commit}{changed}", image.short()));
    }
    Ok(())
}

fn inspected(context: &Context, arguments: &InspectArguments) -> Ending {
    let (found, blobs) = (find(&builds_folder()?, &context.app()?, &arguments.image)?, blobs()?);
    let failed = |error: ImageError| Ended::failed(error.into());
    if arguments.sbom || arguments.provenance {
        let wanted = if arguments.sbom { sbom::MEDIA_TYPE } else { provenance::MEDIA_TYPE };
        let text = attachment(&blobs, &found, wanted).map_err(failed)?.ok_or_else(|| {
            Ended::failed(Diagnostic::machine("nothing of it is kept").help("`seaworthy build` makes it again"))
        })?;
        context.output.data(&text);
        return Ok(());
    }
    let contents = inspect(&blobs, &found.image, &Limits::default()).map_err(failed)?;
    if context.output.json {
        context.output.value(&contents);
    } else {
        lines(&contents).iter().for_each(|line| context.output.data(line));
    }
    Ok(())
}

fn attachment(blobs: &Blobs, image: &BuiltImage, media_type: &str) -> Result<Option<String>, ImageError> {
    for digest in &image.attachments {
        let manifest = blobs.bytes(digest, DOCUMENT_BYTES_MAX)?;
        let is_wanted = serde_json::from_slice::<serde_json::Value>(&manifest)
            .is_ok_and(|manifest| manifest.get("artifactType").and_then(|kind| kind.as_str()) == Some(media_type));
        let content = blobs.references(digest)?.pop().filter(|_| is_wanted);
        if let Some(content) = content {
            let bytes = blobs.bytes(&content, ATTACHMENT_BYTES_MAX)?;
            return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(None)
}

fn lines(contents: &Contents) -> Vec<String> {
    let Contents { digest, platform, run, size_bytes, unpacked_bytes, layers, parts, largest } = contents;
    let mut lines = vec![
        format!("{digest} for {platform}"),
        format!("runs {}", run.join(" ")),
        format!("{} compressed, {} unpacked", size(*size_bytes), size(*unpacked_bytes)),
    ];
    for (index, layer) in layers.iter().enumerate() {
        let (compressed, unpacked) = (size(layer.size_bytes), size(layer.unpacked_bytes));
        let (number, digest, entries) = (index + 1, layer.digest.short(), layer.entries);
        lines
            .push(format!("layer {number}  {digest}  {compressed} compressed, {unpacked} unpacked, {entries} entries"));
    }
    lines.push("why it is there:".to_owned());
    for part in parts {
        let why = match &part.why {
            Why::Package(package) => format!("Debian package {package}"),
            Why::Files(name) => format!("`files`: {name}"),
            Why::Base => "the base itself".to_owned(),
        };
        let files = if part.files == 1 { "1 file".to_owned() } else { format!("{} files", part.files) };
        lines.push(format!("{:>11}  {why}, {files}", size(part.size_bytes)));
    }
    lines.push("its largest files:".to_owned());
    lines.extend(largest.iter().map(|file| format!("{:>11}  /{}", size(file.size_bytes), file.path)));
    lines
}

/// Bytes, as people read them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

fn export(context: &Context, arguments: &ExportArguments) -> Ending {
    let (found, blobs) = (find(&builds_folder()?, &context.app()?, &arguments.image)?, blobs()?);
    let to = &arguments.to;
    if to.exists() {
        let error = Diagnostic::user(format!("`{}` is there already", to.display()));
        return Err(Ended::refused(error.help("name a folder or a file that is not there yet")));
    }
    let above = to.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above.filter(|above| !above.is_dir()) {
        let error = Diagnostic::user(format!("there is no folder `{}`", above.display()));
        return Err(Ended::refused(error.help(format!("make it: `mkdir -p {}`", above.display()))));
    }
    let failed = |error: ImageError| Ended::failed(error.into());
    let draft = Draft(to.with_extension(format!("new-{}", std::process::id())));
    let folder = draft.0.as_path();
    files::create_directory(folder, 0o755).map_err(|error| failed(error.into()))?;
    layout::folder(&blobs, &found.image, found.service.as_str(), folder).map_err(failed)?;
    if to.extension().is_some_and(|extension| extension == "tar") {
        let archive = Draft(to.with_extension(format!("tar.new-{}", std::process::id())));
        let file = create(&archive.0).map_err(failed)?;
        layout::archive(folder, &file).map_err(failed)?;
        file.sync_all().map_err(|error| failed(FileError::new("write", &archive.0, error).into()))?;
        rename(&archive.0, to).map_err(failed)?;
    } else {
        rename(folder, to).map_err(failed)?;
    }
    if context.output.json {
        context.output.value(&serde_json::json!({ "image": found.image, "to": to }));
    } else {
        context.output.data(&format!("{} {} is in `{}`", found.service, found.image.short(), to.display()));
    }
    Ok(())
}

fn push(context: &Context, arguments: &PushArguments) -> Ending {
    let failed = |error: PullError| Ended::failed(error.into());
    let to = ImageName::parse(&arguments.to).map_err(|error| failed(error.into()))?;
    if to.digest.is_some() {
        let error = Diagnostic::user(format!("`{to}` names a digest, which only the image itself can have"));
        return Err(Ended::failed(error.help("push to a tag: `registry.example.com/team/web:1`")));
    }
    let (found, blobs) = (find(&builds_folder()?, &context.app()?, &arguments.image)?, blobs()?);
    let pusher = Pusher::new(Credentials::of_this_user().map_err(failed)?);
    context.output.note(&format!("pushing {} {} to {to}", found.service, found.image.short()));
    pusher.push(&to, &found.image, &found.attachments, &blobs).map_err(failed)?;
    let there = ImageName { digest: Some(found.image.clone()), ..to };
    if context.output.json {
        context.output.value(&serde_json::json!({ "image": found.image, "to": there.to_string() }));
    } else {
        context.output.data(&there.to_string());
    }
    Ok(())
}

/// What is on its way; it goes away unless it was renamed.
struct Draft(std::path::PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = files::remove_tree(&self.0);
    }
}

fn create(path: &Path) -> Result<File, ImageError> {
    let created = OpenOptions::new().write(true).create_new(true).open(path);
    Ok(created.map_err(|error| FileError::new("write", path, error))?)
}

fn rename(from: &Path, to: &Path) -> Result<(), ImageError> {
    Ok(std::fs::rename(from, to).map_err(|error| FileError::new("make", to, error))?)
}
