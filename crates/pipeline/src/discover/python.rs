//! Python: a project, or a file that serves.

use super::found::Found;
use super::tree::Folder;

const ENTRIES: [&str; 6] = ["app.py", "main.py", "server.py", "wsgi.py", "asgi.py", "manage.py"];
const SERVERS: [&str; 9] =
    ["http.server", "socketserver", "Flask(", "FastAPI(", "Starlette(", "aiohttp", "tornado", "bottle", "wsgiref"];

pub(super) fn detect(folder: &Folder) -> Vec<Found> {
    let scripts = folder.files_with(".py");
    let is_project = folder.has("pyproject.toml") || folder.has("requirements.txt") || folder.has("setup.py");
    let serves =
        |name: &String| folder.read(name).is_some_and(|text| SERVERS.iter().any(|server| text.contains(server)));
    let starts = |name: &String| folder.read(name).is_some_and(|text| text.contains("__main__"));
    let any_serves = scripts.iter().any(serves);
    let any_usual = ENTRIES.iter().any(|name| scripts.iter().any(|script| script == name && starts(script)));
    if !is_project && !any_serves && !any_usual {
        return Vec::new();
    }
    let usual = ENTRIES
        .iter()
        .map(|name| (*name).to_owned())
        .find(|name| scripts.contains(name) && (starts(name) || serves(name)));
    let entry = scripts.iter().find(|name| starts(name)).cloned().filter(|_| usual.as_ref().is_none_or(|u| !starts(u)));
    let Some(entry) = entry.or(usual).or_else(|| scripts.iter().find(|name| serves(name)).cloned()) else {
        return Vec::new();
    };
    let text = folder.read(&entry).unwrap_or_default();
    let mut service = Found {
        wanted_name: folder.name(),
        path: folder.path.clone(),
        files: folder.program_files(),
        run: run(&entry, &text),
        base: vec!["python3".to_owned()],
        comments: vec!["files: take out what the program does not need".to_owned()],
        ..Found::default()
    };
    packages(folder, &mut service);
    test(folder, &scripts, &mut service);
    vec![service]
}

/// The frameworks' own servers where the file does not start one itself.
fn run(entry: &str, text: &str) -> Vec<String> {
    let module = entry.trim_end_matches(".py");
    let shell = |line: String| ["sh", "-c", &format!("exec {line}")].map(str::to_owned).to_vec();
    if entry == "manage.py" {
        return shell("python3 manage.py runserver --noreload \"$HOST:$PORT\"".to_owned());
    }
    let plain_module = module.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !text.contains("__main__") && plain_module {
        if text.contains("FastAPI(") || text.contains("Starlette(") {
            return shell(format!("python3 -m uvicorn {module}:app --host \"$HOST\" --port \"$PORT\""));
        }
        if text.contains("Flask(") {
            return shell(format!("python3 -m flask --app {module} run --host \"$HOST\" --port \"$PORT\""));
        }
    }
    vec!["python3".to_owned(), entry.to_owned()]
}

fn packages(folder: &Folder, service: &mut Found) {
    let from = if folder.has("requirements.txt") {
        "--requirement requirements.txt"
    } else if folder.read("pyproject.toml").is_some_and(|text| text.contains("dependencies")) {
        "."
    } else {
        return;
    };
    // What an earlier one left would stay there, of whatever version.
    service.build.push("rm -rf vendor".to_owned());
    service.build.push(format!("python3 -m pip install --quiet --target vendor {from}"));
    service.files.retain(|file| file != "vendor");
    service.files.push("vendor".to_owned());
    service.env.insert("PYTHONPATH".to_owned(), "vendor".to_owned());
}

fn test(folder: &Folder, scripts: &[String], service: &mut Found) {
    let there = scripts.iter().any(|name| name.starts_with("test_")) || folder.has_folder("tests");
    if !there {
        return;
    }
    let named = ["pyproject.toml", "requirements.txt", "requirements-dev.txt", "setup.cfg", "tox.ini"];
    let pytest = named.iter().filter_map(|file| folder.read(file)).any(|text| text.contains("pytest"));
    service.test.push(if pytest { "python3 -m pytest" } else { "python3 -m unittest" }.to_owned());
}

/// Programs that packages of Python bring along. As files they name the interpreter of the machine that installed them;
/// as modules they run with the image's.
const MODULES: [&str; 7] = ["gunicorn", "uvicorn", "flask", "celery", "hypercorn", "daphne", "waitress"];

/// A line with its program as Debian's Python has it.
pub(super) fn as_installed(line: &str) -> String {
    let (program, rest) = line.split_at(line.find(' ').unwrap_or(line.len()));
    match program {
        "python" => format!("python3{rest}"),
        "waitress-serve" => format!("python3 -m waitress{rest}"),
        module if MODULES.contains(&module) => format!("python3 -m {module}{rest}"),
        _ => line.to_owned(),
    }
}
