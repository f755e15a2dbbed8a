//! Go: a module with a `package main`, at its top or in `cmd`.

use super::found::Found;
use super::tree::Folder;

pub(super) fn detect(folder: &Folder) -> Vec<Found> {
    let Some(module) = folder.read("go.mod") else { return Vec::new() };
    let named = module.lines().find_map(|line| line.strip_prefix("module ")).unwrap_or_default().trim();
    let last = named.rsplit('/').next().unwrap_or_default().to_owned();
    let mut services = Vec::new();
    if has_main(folder) {
        let name = if last.is_empty() { folder.name() } else { last };
        services.push(service(folder, &name, "."));
    }
    for program in folder.below("cmd").folders() {
        if has_main(&program) {
            let found = service(folder, &program.name(), &format!("./cmd/{}", program.name()));
            services.push(Found { covers: [program.path.clone()].into(), ..found });
        }
    }
    services.retain(|service| {
        !service.build[0].contains(['"', '\'', '\\', '$', '`', ';', '&', '|', '<', '>', '(', '#', '~'])
    });
    services
}

fn has_main(folder: &Folder) -> bool {
    let files = folder.files_with(".go").into_iter().filter(|name| !name.ends_with("_test.go"));
    files.filter_map(|name| folder.read(&name)).any(|text| text.lines().any(|line| line.trim() == "package main"))
}

fn service(folder: &Folder, name: &str, package: &str) -> Found {
    // A program may be called like a folder: `bin` keeps them apart.
    let program: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    Found {
        wanted_name: name.to_owned(),
        path: folder.path.clone(),
        // Without the commit in it, an unchanged program keeps its bytes, and with them its running instances.
        build: vec![format!("go build -trimpath -buildvcs=false -o bin/{program} {package}")],
        test: vec!["go test ./...".to_owned()],
        files: vec![format!("bin/{program}")],
        run: vec![format!("./{program}")],
        ..Found::default()
    }
}
