//! What the lockfiles of a service say that it is made of.

use super::{Ecosystem, Package};
use crate::ImageError;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use toml::Table;

/// The lockfiles that are understood, in the order in which they are looked for. Where two say the same (`go.mod` and
/// `go.sum`), both may be read: what they name is named once.
pub const NAMES: [&str; 8] = [
    "Cargo.lock",
    "go.mod",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "requirements.txt",
    "poetry.lock",
    "uv.lock",
    "Gemfile.lock",
];
/// The largest lockfile that is read, in bytes.
pub const BYTES_MAX: u64 = 32 << 20;
/// The most packages of one.
const PACKAGES_MAX: usize = 100_000;

/// Whether a file of this name is a lockfile that is understood: one of [`NAMES`], `go.sum`, or `requirements*.txt`.
#[must_use]
pub fn is_one(name: &str) -> bool {
    NAMES.contains(&name) || name == "go.sum" || is_requirements(name)
}

fn is_requirements(name: &str) -> bool {
    name.starts_with("requirements") && name.ends_with(".txt")
}

/// The packages that a lockfile names. Those of the project itself, and those that are only for its developers where
/// the file tells, are not among them.
///
/// # Errors
/// [`ImageError::Lockfile`] when it is not what its name says, or names more than any program has.
pub fn packages(name: &str, text: &str) -> Result<BTreeSet<Package>, ImageError> {
    let wrong = |why: String| ImageError::Lockfile { file: name.to_owned(), why };
    let toml = || text.parse::<Table>().map_err(|error| wrong(error.message().to_owned()));
    let packages = match name {
        "Cargo.lock" => tables(&toml()?, Ecosystem::Cargo, |package| package.contains_key("source")),
        "poetry.lock" => tables(&toml()?, Ecosystem::Python, |_| true),
        "uv.lock" => tables(&toml()?, Ecosystem::Python, |package| {
            let source = package.get("source").and_then(toml::Value::as_table);
            !source
                .is_some_and(|source| ["virtual", "editable", "directory"].iter().any(|key| source.contains_key(*key)))
        }),
        "package-lock.json" | "npm-shrinkwrap.json" => {
            npm(&serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?)
        }
        "go.mod" => go_mod(text),
        "go.sum" => go_sum(text),
        "Gemfile.lock" => gems(text),
        name if is_requirements(name) => text.lines().filter_map(requirement).collect(),
        _ => return Err(wrong("it is no lockfile that is known".to_owned())),
    };
    if packages.len() > PACKAGES_MAX {
        return Err(wrong(format!("it names more than {PACKAGES_MAX} packages")));
    }
    Ok(packages)
}

fn tables(lock: &Table, ecosystem: Ecosystem, wanted: impl Fn(&Table) -> bool) -> BTreeSet<Package> {
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let word = |package: &Table, key: &str| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    packages
        .filter_map(toml::Value::as_table)
        .filter(|package| wanted(package))
        .filter_map(|package| Some(Package::new(ecosystem, &word(package, "name")?, &word(package, "version")?)))
        .collect()
}

/// Versions 2 and 3 list `packages` by folder, version 1 nests `dependencies`.
fn npm(lock: &Json) -> BTreeSet<Package> {
    let mut packages = BTreeSet::new();
    if let Some(listed) = lock.get("packages").and_then(Json::as_object) {
        for (folder, package) in listed {
            let Some((_, name)) = folder.rsplit_once("node_modules/") else { continue };
            let name = package.get("name").and_then(Json::as_str).unwrap_or(name);
            packages.extend(npm_package(name, package));
        }
        return packages;
    }
    let mut open: Vec<&Json> = lock.get("dependencies").into_iter().collect();
    while let Some(dependencies) = open.pop() {
        for (name, package) in dependencies.as_object().into_iter().flatten() {
            packages.extend(npm_package(name, package));
            open.extend(package.get("dependencies"));
        }
    }
    packages
}

fn npm_package(name: &str, package: &Json) -> Option<Package> {
    let is = |key: &str| package.get(key).and_then(Json::as_bool) == Some(true);
    let version = package.get("version").and_then(Json::as_str)?;
    (!is("dev") && !is("link")).then(|| Package::new(Ecosystem::Npm, name, version))
}

fn go_mod(text: &str) -> BTreeSet<Package> {
    let mut packages = BTreeSet::new();
    let mut inside = false;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let required = match line.strip_prefix("require") {
            Some(rest) if rest.trim() == "(" => {
                inside = true;
                continue;
            }
            Some(rest) if rest.starts_with([' ', '\t']) => rest.trim(),
            _ if line == ")" => {
                inside = false;
                continue;
            }
            _ if inside => line,
            _ => continue,
        };
        if let Some((name, version)) = required.split_once([' ', '\t']) {
            packages.insert(Package::new(Ecosystem::Go, name.trim_matches('"'), version.trim()));
        }
    }
    packages
}

/// Lines `MODULE VERSION HASH`; those that end in `/go.mod` are of modules that were only looked at.
fn go_sum(text: &str) -> BTreeSet<Package> {
    let line = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (name, version) = (words.next()?, words.next()?);
        (!version.ends_with("/go.mod")).then(|| Package::new(Ecosystem::Go, name, version))
    };
    text.lines().filter_map(line).collect()
}

/// A line of pip's requirements: `NAME[EXTRAS]==VERSION ; MARKER`. A name without a settled version counts, too.
fn requirement(line: &str) -> Option<Package> {
    let line = line.split(" #").next().unwrap_or_default().split(';').next().unwrap_or_default();
    let line = line.split(" --").next().unwrap_or_default().trim().trim_end_matches('\\').trim();
    if line.is_empty() || line.starts_with(['#', '-', '.', '/']) || line.contains("://") {
        return None;
    }
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let rest = rest.trim().trim_start_matches(|c| c != '=' && c != '<' && c != '>' && c != '~' && c != '!');
    let settled = rest.strip_prefix("===").or_else(|| rest.strip_prefix("==")).map(str::trim);
    let version = settled.filter(|version| !version.contains([',', '*', ' '])).map(str::to_owned);
    let (ecosystem, qualifiers) = (Ecosystem::Python, Vec::new());
    (!name.is_empty()).then(|| Package { ecosystem, name: name.to_owned(), version, qualifiers })
}

/// Lines `    NAME (VERSION)` below `specs:`; those that are deeper are what a gem asks for.
fn gems(text: &str) -> BTreeSet<Package> {
    let mut section = "";
    let mut packages = BTreeSet::new();
    for line in text.lines() {
        if !line.starts_with(' ') {
            section = line.trim();
        }
        let spec = line.strip_prefix("    ").filter(|rest| !rest.starts_with(' '));
        let Some((name, version)) = spec.and_then(|spec| spec.strip_suffix(')')?.split_once(" (")) else { continue };
        if !matches!(section, "GEM" | "GIT") {
            continue;
        }
        let (version, platform) = version.split_once('-').map_or((version, None), |(v, platform)| (v, Some(platform)));
        let mut package = Package::new(Ecosystem::Ruby, name, version);
        package.qualifiers.extend(platform.map(|platform| ("platform".to_owned(), platform.to_owned())));
        packages.insert(package);
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(name: &str, text: &str) -> Vec<String> {
        packages(name, text).unwrap().iter().map(Package::url).collect()
    }

    #[test]
    fn cargo_names_what_comes_from_a_registry() {
        let text = "version = 4\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"serde\"\n\
                    version = \"1.0.2\"\nsource = \"registry+https://example.org\"\n";
        assert_eq!(urls("Cargo.lock", text), ["pkg:cargo/serde@1.0.2"]);
    }

    #[test]
    fn go_names_modules_in_both_files() {
        let text = "module example.org/own\n\ngo 1.19\n\nrequire github.com/a/b v1.0.0\nrequire (\n\tgolang.org/x/text \
                    v0.3.0 // indirect\n)\nreplace golang.org/x/text => ../text\n";
        assert_eq!(urls("go.mod", text), ["pkg:golang/github.com/a/b@v1.0.0", "pkg:golang/golang.org/x/text@v0.3.0"]);
        let text =
            "github.com/a/b v1.0.0 h1:x=\ngithub.com/a/b v1.0.0/go.mod h1:y=\ngithub.com/c/d v2.0.0/go.mod h1:z=\n";
        assert_eq!(urls("go.sum", text), ["pkg:golang/github.com/a/b@v1.0.0"]);
    }

    #[test]
    fn npm_names_what_is_not_for_developers_in_all_versions_of_its_file() {
        let third = r#"{"lockfileVersion":3,"packages":{"":{"version":"1.0.0"},
            "node_modules/@a/b":{"version":"1.2.3"},"node_modules/c/node_modules/d":{"version":"4.0.0"},
            "node_modules/dev":{"version":"1.0.0","dev":true},"node_modules/own":{"link":true}}}"#;
        assert_eq!(urls("package-lock.json", third), ["pkg:npm/%40a/b@1.2.3", "pkg:npm/d@4.0.0"]);
        let first = r#"{"lockfileVersion":1,"dependencies":{"c":{"version":"1.0.0","dependencies":{"d":{"version":"2.0.0"}}}}}"#;
        assert_eq!(urls("package-lock.json", first), ["pkg:npm/c@1.0.0", "pkg:npm/d@2.0.0"]);
    }

    #[test]
    fn python_names_packages_with_and_without_a_settled_version() {
        let text = "# a comment\nDjango==4.2.1 ; python_version > '3'\nrequests[socks] == 2.31.0 --hash=sha256:aa \\\n\
                    flask>=2\n-r other.txt\n./local\nhttps://example.org/x.whl\n";
        let expected = ["pkg:pypi/django@4.2.1", "pkg:pypi/flask", "pkg:pypi/requests@2.31.0"];
        assert_eq!(urls("requirements.txt", text), expected);
        let text = "[[package]]\nname = \"own\"\nversion = \"0\"\nsource = { virtual = \".\" }\n[[package]]\n\
                    name = \"six\"\nversion = \"1.16.0\"\n";
        assert_eq!(urls("uv.lock", text), ["pkg:pypi/six@1.16.0"]);
        assert_eq!(urls("poetry.lock", "[[package]]\nname = \"six\"\nversion = \"1.16.0\"\n"), ["pkg:pypi/six@1.16.0"]);
    }

    #[test]
    fn ruby_names_gems_and_their_platform() {
        let text = "GEM\n  remote: https://example.org/\n  specs:\n    nokogiri (1.15.0-x86_64-linux)\n      racc (~> 1.4)\n\
                    \x20   racc (1.7.1)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  nokogiri\n";
        assert_eq!(urls("Gemfile.lock", text), ["pkg:gem/nokogiri@1.15.0?platform=x86_64-linux", "pkg:gem/racc@1.7.1"]);
    }

    #[test]
    fn what_is_damaged_is_told_with_the_file() {
        let error = packages("Cargo.lock", "[[package").unwrap_err();
        assert!(error.to_string().starts_with("`Cargo.lock` cannot be read"), "{error}");
    }
}
