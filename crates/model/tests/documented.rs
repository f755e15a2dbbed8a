//! What the documentation tells people to write is what the model reads.

use seaworthy_diagnostics::render;
use seaworthy_model::manifest::parse;
use std::path::Path;

/// The blocks of TOML in a page that are whole manifests.
fn manifests(page: &str) -> Vec<&str> {
    let blocks = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let is_whole = |block: &&str| block.starts_with("app ") && block.contains("\n[services.");
    blocks.filter(is_whole).collect()
}

#[test]
fn every_manifest_in_the_documentation_is_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let pages = std::fs::read_dir(root.join("docs")).expect("the documentation").flatten().map(|entry| entry.path());
    let pages = pages.filter(|path| path.extension().is_some_and(|end| end == "md")).chain([root.join("README.md")]);
    let mut with_one = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("a page");
        for manifest in manifests(&text) {
            let name = page.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Err(errors) = parse(&name, manifest) {
                let errors: Vec<String> = errors.iter().map(|error| render(error, false)).collect();
                panic!("{}\nin\n{manifest}", errors.join("\n"));
            }
            with_one.push(name);
        }
    }
    for name in ["manifest.md", "databases.md"] {
        assert!(with_one.iter().any(|found| found == name), "no manifest in {name}: {with_one:?}");
    }
}
