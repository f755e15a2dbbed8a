//! JavaScript and TypeScript: a package that can be started.

use super::found::Found;
use super::tree::Folder;
use serde_json::Value;

const ENTRIES: [&str; 9] =
    ["server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs", "app.mjs", "main.mjs", "src/index.js"];

pub(super) fn detect(folder: &Folder) -> Vec<Found> {
    let package = folder.read("package.json").and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let Some(package) = package else { return Vec::new() };
    let script = |name: &str| package.get("scripts").and_then(|scripts| scripts.get(name)).and_then(Value::as_str);
    let wanted_name = package.get("name").and_then(Value::as_str).map_or_else(|| folder.name(), str::to_owned);
    let needs = |key: &str| package.get(key).and_then(Value::as_object).is_some_and(|needs| !needs.is_empty());
    let mut files = folder.program_files();
    let mut build = Vec::new();
    if needs("dependencies") || needs("devDependencies") {
        build.push(install(folder).to_owned());
        files.push("node_modules".to_owned());
    }
    if script("build").is_some() {
        build.push("npm run build".to_owned());
        files.extend(["dist", "build"].map(str::to_owned).into_iter().filter(|name| folder.has_folder(name)));
    }
    files.sort();
    files.dedup();
    let test = script("test").filter(|line| !line.contains("no test specified"));
    let mut service = Found {
        wanted_name,
        path: folder.path.clone(),
        build,
        test: test.map(|_| "npm test".to_owned()).into_iter().collect(),
        files,
        base: vec!["nodejs".to_owned()],
        comments: vec!["files: take out what the program does not need".to_owned()],
        ..Found::default()
    };
    if start(&mut service, folder, &package, script("start")) { vec![service] } else { Vec::new() }
}

/// How it is started; false when nothing says so.
fn start(service: &mut Found, folder: &Folder, package: &Value, start: Option<&str>) -> bool {
    let Some(line) = start else {
        let main = package.get("main").and_then(Value::as_str).filter(|main| folder.has(main));
        let entries = ENTRIES.into_iter().filter(|entry| folder.has(entry)).collect::<Vec<_>>();
        // What another file imports does not start by itself.
        let starts = entries.iter().copied().find(|entry| !is_imported(folder, entry));
        let Some(entry) = main.or(starts).or(entries.first().copied()) else { return false };
        service.run = vec!["node".to_owned(), entry.to_owned()];
        return true;
    };
    service.start_by(line.strip_prefix("cross-env ").unwrap_or(line));
    let words: Vec<&str> = service.run.iter().map(String::as_str).collect();
    match words.as_slice() {
        // The program itself, or a shell that does nothing but start it.
        ["node", ..] | ["sh", "-c", ..] if !line.contains(['&', '|', ';']) && line.contains("node ") => {}
        [program, rest @ ..] if is_package_script(program) => {
            // npm would find it; without npm in the image, node runs it.
            let program = format!("node_modules/.bin/{program}");
            service.run = ["node", &program].into_iter().chain(rest.iter().copied()).map(str::to_owned).collect();
        }
        [program, ..] if program.contains('/') => {}
        _ => {
            service.run = ["npm", "start"].map(str::to_owned).to_vec();
            service.base.push("npm".to_owned());
        }
    }
    true
}

/// Whether a word can only be the name of a script that a package brought along.
fn is_package_script(word: &str) -> bool {
    let named = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    named && !["node", "sh", "bash", "npm", "npx", "yarn", "pnpm"].contains(&word)
}

fn is_imported(folder: &Folder, entry: &str) -> bool {
    let stem = entry.rsplit_once('.').map_or(entry, |(stem, _)| stem);
    let others = [".js", ".mjs", ".cjs", ".ts"].into_iter().flat_map(|ending| folder.files_with(ending));
    let mut texts = others.filter(|name| name != entry).filter_map(|name| folder.read(&name));
    texts.any(|text| {
        ['"', '\''].iter().any(|quote| {
            text.contains(&format!("{quote}./{entry}{quote}")) || text.contains(&format!("{quote}./{stem}{quote}"))
        })
    })
}

fn install(folder: &Folder) -> &'static str {
    if folder.has("pnpm-lock.yaml") {
        "pnpm install --frozen-lockfile"
    } else if folder.has("yarn.lock") {
        "yarn install --frozen-lockfile"
    } else if folder.has("package-lock.json") {
        "npm ci"
    } else {
        "npm install"
    }
}
