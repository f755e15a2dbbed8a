//! Where an app lies in its repository.

use seaworthy_pipeline::upstream::Upstream;
use std::path::Path;

fn git(folder: &Path, arguments: &[&str]) {
    let mut git = seaworthy_host::process::command("git");
    git.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=trunk"]);
    git.current_dir(folder).env("HOME", folder).env("PATH", std::env::var("PATH").expect("a path"));
    assert!(git.args(arguments).status().expect("git").success(), "{arguments:?}");
}

#[test]
fn a_manifest_below_the_top_of_its_repository() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = folder.path().join("services/shop");
    std::fs::create_dir_all(&app).expect("a folder");
    let manifest = app.join("seaworthy.toml");
    assert!(Upstream::of(&manifest).is_err(), "there is none");
    seaworthy_host::files::write_atomic(&manifest, b"app = \"shop\"\n", 0o644).expect("a file");
    let outside = Upstream::of(&manifest).expect("outside git");
    assert_eq!((outside.manifest.as_str(), outside.branch.as_str()), ("seaworthy.toml", "main"));
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "first"]);
    let inside = Upstream::of(&manifest).expect("inside git");
    assert_eq!((inside.manifest.as_str(), inside.branch.as_str()), ("services/shop/seaworthy.toml", "trunk"));
    assert_eq!(inside.top, folder.path().canonicalize().expect("a path"));
    git(folder.path(), &["branch", "master"]);
    assert_eq!(Upstream::of(&manifest).expect("inside git").branch, "master");
    git(folder.path(), &["update-ref", "refs/remotes/origin/develop", "HEAD"]);
    git(folder.path(), &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop"]);
    assert_eq!(Upstream::of(&manifest).expect("inside git").branch, "develop", "what the remote calls its own");
}
