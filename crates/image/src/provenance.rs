//! Where an image comes from: an in-toto statement (v1) with a SLSA provenance (v1) as its predicate. It holds no time
//! but what the caller gives, so that the same build says the same.

use crate::ImageError;
use crate::oci::canonical;
use seaworthy_model::Digest;
use seaworthy_model::release::Origin;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The media type of a statement.
pub const MEDIA_TYPE: &str = "application/vnd.in-toto+json";
/// How an image of ours is built; the number counts up when that changes.
const BUILD_TYPE: &str = "urn:seaworthy:build:1";
const BUILDER: &str = "urn:seaworthy:builder";

/// What an image was built from, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Build {
    /// The app.
    pub app: String,
    /// The service.
    pub service: String,
    /// Its `build` lines.
    pub build: Vec<String>,
    /// Its `files`, as they are written.
    pub files: Vec<String>,
    /// The image that it is, if it was not built; the Dockerfile that it was built from, if it was.
    pub made_by: Option<Origin>,
    /// Its `run`.
    pub run: Vec<String>,
    /// The full commit id, if it is known.
    pub commit: Option<String>,
    /// There were changes that no commit holds.
    pub dirty: bool,
    /// Its commit does not say what it stands on.
    pub unlocked: bool,
    /// Whether it was built where only the declared sources and environment were to be seen.
    pub isolated: bool,
    /// Whether it could reach nothing: otherwise toolchains fetch what their lock files name.
    pub offline: bool,
    /// The variables that were set for it, by name.
    pub environment: BTreeMap<String, String>,
    /// Versions of compilers and interpreters, by the program's name.
    pub toolchains: BTreeMap<String, String>,
    /// The layers that it stands on, by what they are.
    pub base: Vec<(String, Digest)>,
    /// Whether the result can be built again, byte for byte; `false` for what somebody else's tool made.
    pub reproducible: bool,
    /// When it was begun and ended (RFC 3339), if that is to be told.
    pub times: Option<(String, String)>,
}

/// The statement about an image, as JSON.
///
/// # Errors
/// [`ImageError::Document`] when it cannot be written as JSON.
pub fn write(image: &Digest, build: &Build) -> Result<Vec<u8>, ImageError> {
    let mut dependencies: Vec<Value> = Vec::new();
    if let Some(commit) = &build.commit {
        let name = match (build.dirty, build.unlocked) {
            (true, _) => "source, with changes that no commit holds",
            (false, true) => "source, with a base that is not locked in the commit",
            (false, false) => "source",
        };
        dependencies.push(json!({ "name": name, "digest": { "gitCommit": commit } }));
    }
    for (name, version) in &build.toolchains {
        dependencies.push(json!({ "name": name, "annotations": { "version": version } }));
    }
    for (name, digest) in &build.base {
        dependencies.push(json!({ "name": name, "digest": { "sha256": digest.hex() } }));
    }
    let mut details = json!({ "builder": { "id": BUILDER } });
    if let Some((started, finished)) = &build.times {
        details["metadata"] = json!({ "startedOn": started, "finishedOn": finished });
    }
    let mut parameters = json!({
        "app": build.app,
        "service": build.service,
        "build": build.build,
        "files": build.files,
        "run": build.run,
    });
    match &build.made_by {
        None => {}
        Some(Origin::Image(name)) => parameters["image"] = json!(name),
        Some(Origin::Dockerfile(file)) => parameters["dockerfile"] = json!(file),
    }
    canonical(&json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": format!("{}/{}", build.app, build.service), "digest": { "sha256": image.hex() } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": parameters,
                "internalParameters": {
                    "environment": build.environment,
                    "isolated": build.isolated,
                    "network": if build.offline { "none" } else { "that of the machine" },
                    "reproducible": build.reproducible,
                },
                "resolvedDependencies": dependencies,
            },
            "runDetails": details,
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_the_image_its_source_its_tools_and_its_base() {
        let build = Build {
            app: "shop".to_owned(),
            service: "cart".to_owned(),
            build: vec!["cargo build --release --locked".to_owned()],
            run: vec!["./cart".to_owned()],
            commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            isolated: true,
            reproducible: true,
            toolchains: [("rustc".to_owned(), "rustc 1.90.0".to_owned())].into(),
            base: vec![("debian".to_owned(), Digest::of(b"base"))],
            ..Build::default()
        };
        let statement = write(&Digest::of(b"image"), &build).unwrap();
        assert_eq!(statement, write(&Digest::of(b"image"), &build).unwrap());
        insta::assert_json_snapshot!(serde_json::from_slice::<Value>(&statement).unwrap());
    }
}
