//! Rust: a Cargo package with a program, or a workspace of them.

use super::found::Found;
use super::tree::Folder;
use toml::{Table, Value};

pub(super) fn detect(folder: &Folder) -> Vec<Found> {
    let Some(manifest) = manifest(folder) else { return Vec::new() };
    let mut services: Vec<Found> = package(folder, folder, &manifest).into_iter().collect();
    let members = manifest.get("workspace").and_then(|workspace| workspace.get("members")).and_then(Value::as_array);
    for pattern in members.into_iter().flatten().filter_map(Value::as_str) {
        for member in matching(folder, pattern) {
            if let Some(manifest) = self::manifest(&member) {
                services.extend(package(folder, &member, &manifest));
            }
        }
    }
    services
}

fn manifest(folder: &Folder) -> Option<Table> {
    folder.read("Cargo.toml")?.parse().ok()
}

/// The members that a pattern names; a star stands for a whole folder's name, as is usual.
fn matching(folder: &Folder, pattern: &str) -> Vec<Folder> {
    match pattern.strip_suffix("/*") {
        Some(above) if !above.contains("..") => folder.below(above).folders(),
        None if pattern == "*" => folder.folders(),
        None if !pattern.contains(['*', '?']) && !pattern.contains("..") => vec![folder.below(pattern)],
        _ => Vec::new(),
    }
}

/// A service for a package that makes a program; a workspace's members are built from its top.
fn package(top: &Folder, folder: &Folder, manifest: &Table) -> Option<Found> {
    let package = manifest.get("package")?.get("name")?.as_str()?;
    let programs = programs(folder, package, manifest);
    let program = programs.first()?;
    let is_member = top.path != folder.path;
    let locked = if top.has("Cargo.lock") { " --locked" } else { "" };
    let only = if is_member { format!(" --package {package}") } else { String::new() };
    let mut comments = Vec::new();
    if programs.len() > 1 {
        comments.push(format!("run: it has several programs: {}", programs.join(", ")));
    }
    Some(Found {
        wanted_name: package.to_owned(),
        path: top.path.clone(),
        covers: [folder.path.clone()].into(),
        build: vec![format!("cargo build --release{locked}{only}")],
        test: vec![format!("cargo test{locked}{only}")],
        files: vec![format!("target/release/{program}")],
        run: vec![format!("./{program}")],
        comments,
        ..Found::default()
    })
    .filter(|_| is_word(package) && is_word(program))
}

/// The programs of a package: the one of its name first.
fn programs(folder: &Folder, package: &str, manifest: &Table) -> Vec<String> {
    let mut programs = Vec::new();
    if folder.has("src/main.rs") {
        programs.push(package.to_owned());
    }
    for target in manifest.get("bin").and_then(Value::as_array).into_iter().flatten() {
        programs.extend(target.get("name").and_then(Value::as_str).map(str::to_owned));
    }
    for file in folder.below("src/bin").files_with(".rs") {
        programs.push(file.trim_end_matches(".rs").to_owned());
    }
    let mut seen = std::collections::BTreeSet::new();
    programs.retain(|program| seen.insert(program.clone()));
    programs
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}
