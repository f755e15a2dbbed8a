//! What a bare image has to be given, by the words of the services' own shell lines.

use crate::arguments::Forge;
use seaworthy_model::manifest::Manifest;
use std::collections::BTreeSet;

/// A word of a shell line, and the Debian packages that it needs.
const PACKAGES: [(&[&str], &[&str]); 9] = [
    (&["go"], &["golang-go"]),
    (&["node", "npm", "npx"], &["nodejs", "npm"]),
    (&["python3", "python", "pip", "pytest"], &["python3", "python3-pip", "python3-venv"]),
    (&["ruby", "bundle", "rake", "gem"], &["bundler", "ruby-full"]),
    (&["mvn"], &["default-jdk-headless", "maven"]),
    (&["gradle", "./gradlew", "java", "javac"], &["default-jdk-headless"]),
    (&["composer", "php"], &["composer", "php-cli"]),
    (&["cmake"], &["build-essential", "cmake"]),
    (&["make", "gcc", "cc", "g++"], &["build-essential"]),
];

/// The packages, sorted.
pub(super) fn packages(manifest: &Manifest, forge: Forge) -> Vec<&'static str> {
    let there: &[&str] = match forge {
        // Everything usual is there.
        Forge::Github => return Vec::new(),
        // Node's own image.
        Forge::Forgejo => &["build-essential", "nodejs", "npm"],
        // Rust's own image.
        Forge::Gitlab => &["build-essential"],
    };
    let lines = manifest.services.values().flat_map(|service| {
        let lines = service.build.iter().chain(&service.test).map(String::as_str);
        lines.chain(service.service.run.first().map(String::as_str))
    });
    let words: BTreeSet<&str> =
        lines.flat_map(|line| line.split(|c: char| c.is_whitespace() || ";&|()".contains(c))).collect();
    let needed = PACKAGES.iter().filter(|(names, _)| names.iter().any(|name| words.contains(name)));
    let packages: BTreeSet<&str> = needed.flat_map(|(_, packages)| packages.iter().copied()).collect();
    packages.into_iter().filter(|package| !there.contains(package)).collect()
}
