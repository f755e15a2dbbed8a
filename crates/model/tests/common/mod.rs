//! Releases and revisions from the text of a manifest, as if it had been built.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use seaworthy_diagnostics::{Diagnostic, render};
use seaworthy_model::deployment::Revision;
use seaworthy_model::manifest::{Manifest, parse};
use seaworthy_model::release::{Check, Provenance, RELEASE_FORMAT, Release, ServiceRelease};
use seaworthy_model::resolve::{Wanted, resolve};
use seaworthy_model::{Digest, Name};

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

pub(crate) fn manifest(text: &str) -> Manifest {
    parse("seaworthy.toml", text).unwrap_or_else(|errors| panic!("{}", rendered(&errors)))
}

pub(crate) fn rendered(errors: &[Diagnostic]) -> String {
    errors.iter().map(|error| render(error, false)).collect()
}

/// The image of a service is the digest of its name, each check glob one check.
pub(crate) fn release(manifest: &Manifest) -> Release {
    let check = |glob: &str| Check {
        file: glob.to_owned(),
        digest: Digest::of(glob.as_bytes()),
        methods: vec!["GET".to_owned()],
        runs: None,
        every: None,
    };
    let services = manifest.services.iter().map(|(name, source)| {
        let checks = source.checks.iter().map(|source| Check { every: source.every, ..check(&source.glob) }).collect();
        let image = Digest::of(name.as_str().as_bytes());
        (name.clone(), ServiceRelease { image, service: source.service.clone(), checks, origin: None })
    });
    let routes = manifest.routes.iter().map(|(name, source)| {
        let mut route = source.route.clone();
        route.checks = source.checks.iter().map(|source| check(&source.glob)).collect();
        (name.clone(), route)
    });
    Release {
        format: RELEASE_FORMAT,
        app: manifest.app.clone(),
        services: services.collect(),
        routes: routes.collect(),
        jobs: manifest.jobs.clone(),
    }
}

pub(crate) fn provenance() -> Provenance {
    Provenance {
        commit: Some("1111111111111111111111111111111111111111".to_owned()),
        dirty: false,
        unlocked: false,
        folder: None,
        source: "test".to_owned(),
        built_at: "2026-01-01T00:00:00Z".to_owned(),
        platform: "x86_64-linux".to_owned(),
    }
}

pub(crate) fn try_revision(text: &str, environment: &str, sandbox: bool) -> Result<Revision, Vec<Diagnostic>> {
    let manifest = manifest(text);
    revision_of(&release(&manifest), &manifest, environment, sandbox)
}

pub(crate) fn revision_of(
    release: &Release,
    manifest: &Manifest,
    environment: &str,
    sandbox: bool,
) -> Result<Revision, Vec<Diagnostic>> {
    resolve(&Wanted {
        release,
        environments: &manifest.environments,
        provenance: &provenance(),
        environment: &name(environment),
        number: 1,
        sandbox,
    })
}

pub(crate) fn revision(text: &str, environment: &str) -> Revision {
    try_revision(text, environment, false).unwrap_or_else(|errors| panic!("{}", rendered(&errors)))
}

pub(crate) fn refused(text: &str, environment: &str) -> String {
    rendered(&try_revision(text, environment, false).expect_err("refused"))
}
