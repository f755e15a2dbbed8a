//! Ruby: a Rack application, or a file that serves.

use super::found::Found;
use super::tree::Folder;

const SERVERS: [&str; 7] = ["WEBrick", "TCPServer", "Sinatra", "sinatra", "Rack::", "Puma", "Roda"];

pub(super) fn detect(folder: &Folder) -> Vec<Found> {
    let scripts: Vec<String> =
        folder.files_with(".rb").into_iter().filter(|name| !name.ends_with("_test.rb")).collect();
    let has_gems = folder.has("Gemfile");
    let bundled = if has_gems { "bundle exec " } else { "" };
    let serves =
        |name: &String| folder.read(name).is_some_and(|text| SERVERS.iter().any(|server| text.contains(server)));
    let library = || folder.below("lib").source(&[".rb"]);
    let run = if folder.has("config.ru") {
        let line = format!("exec {bundled}rackup --host \"$HOST\" --port \"$PORT\"");
        ["sh", "-c", &line].map(str::to_owned).to_vec()
    } else if let Some(script) = scripts.iter().find(|name| serves(name)) {
        started(has_gems, script)
    } else if let ([script], true) = (scripts.as_slice(), SERVERS.iter().any(|server| library().contains(server))) {
        started(has_gems, script)
    } else {
        return Vec::new();
    };
    let mut service = Found {
        wanted_name: folder.name(),
        path: folder.path.clone(),
        files: folder.program_files(),
        run,
        base: vec!["ruby".to_owned()],
        comments: vec!["files: take out what the program does not need".to_owned()],
        ..Found::default()
    };
    if has_gems {
        service.build = vec!["bundle config set --local path vendor/bundle".to_owned(), "bundle install".to_owned()];
        service.files.retain(|file| file != "vendor");
        service.files.extend(["vendor", ".bundle"].map(str::to_owned));
        service.base.push("ruby-bundler".to_owned());
    }
    if folder.has("Rakefile") {
        service.test.push(format!("{bundled}rake test"));
    } else if folder.has("test/all.rb") {
        service.test.push("ruby test/all.rb".to_owned());
    }
    vec![service]
}

fn started(has_gems: bool, script: &str) -> Vec<String> {
    let words: &[&str] = if has_gems { &["bundle", "exec", "ruby", script] } else { &["ruby", script] };
    words.iter().map(|word| (*word).to_owned()).collect()
}
