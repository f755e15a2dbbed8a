//! For `init`: a manifest from what lies in a folder. What it cannot know it says in comments.

mod compose;
mod found;
mod go;
mod hints;
mod java;
mod names;
mod node;
mod procfile;
mod python;
mod ruby;
mod rust;
mod tree;
mod write;

use found::Found;
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_model::manifest::parse;
use std::path::Path;
use tree::Folder;

/// How deep below the folder services are looked for.
const DEPTH_MAX: usize = 3;
/// How many services are taken.
const SERVICES_MAX: usize = 100;

/// What networks instances have where a manifest is first used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Networks {
    /// Each one of its own: any number of instances listen on the same port.
    Own,
    /// All the machine's.
    Shared,
}

/// The text of a manifest for the services found below a folder, with comments that say what to check. It always
/// parses.
///
/// # Errors
/// When the folder cannot be read, or nothing in it looks like a service.
pub fn discover(folder: &Path, networks: Networks) -> Result<String, Diagnostic> {
    let root = folder
        .canonicalize()
        .map_err(|error| Diagnostic::from(seaworthy_host::files::FileError::new("read", folder, error)))?;
    let mut found = Vec::new();
    let mut notes = Vec::new();
    look(&Folder::new(&root, "."), 0, &mut found, &mut notes);
    found.truncate(SERVICES_MAX);
    procfile::merge(&Folder::new(&root, "."), &mut found);
    compose::merge(&Folder::new(&root, "."), &mut found, &mut notes);
    if found.is_empty() {
        let message = format!("nothing in `{}` looks like a service", folder.display());
        return Err(Diagnostic::user(message).help(
            "known are Cargo.toml, go.mod, package.json, pyproject.toml, requirements.txt, *.py, Gemfile, *.rb, pom.xml, \
             compose.yaml and Procfile; for anything else write `seaworthy.toml` by hand: a service needs `run`",
        ));
    }
    let app = root.file_name().and_then(|name| name.to_str()).unwrap_or("app");
    let text = write::manifest(&names::name_from(app), &mut found, &notes, networks);
    match parse("seaworthy.toml", &text) {
        Ok(_) => Ok(text),
        Err(errors) => {
            let lines = errors.iter().map(|error| seaworthy_diagnostics::render(error, false));
            let error = Diagnostic::new(Fault::Seaworthy, "the manifest for what is here would be wrong");
            Err(error.evidence(lines).help("write it by hand, and report this, please"))
        }
    }
}

/// Looks at a folder, then below it. What is below a service belongs to it, but for the services of other languages at
/// the top.
fn look(folder: &Folder, depth: usize, found: &mut Vec<Found>, notes: &mut Vec<String>) {
    let here = detect(folder);
    let is_service = !here.is_empty();
    if !is_service && depth > 0 && folder.has("Dockerfile") {
        let path = &folder.path;
        notes.push(format!("`{path}` has a Dockerfile and nothing else that is known: say how it is built and run"));
    }
    found.extend(here);
    if depth == DEPTH_MAX || (is_service && depth > 0) || found.len() >= SERVICES_MAX {
        return;
    }
    for below in folder.folders() {
        // A workspace's members were found with it.
        if !found.iter().any(|service| service.covers.contains(&below.path)) {
            look(&below, depth + 1, found, notes);
        }
    }
}

/// The services that a folder's own files make: of the first language that knows it.
fn detect(folder: &Folder) -> Vec<Found> {
    let languages: [fn(&Folder) -> Vec<Found>; 6] =
        [rust::detect, go::detect, node::detect, python::detect, ruby::detect, java::detect];
    let mut services =
        languages.iter().map(|detect| detect(folder)).find(|found| !found.is_empty()).unwrap_or_default();
    services.iter_mut().for_each(|service| hints::add(folder, service));
    services
}
