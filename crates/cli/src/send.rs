//! Sending a release to a node: what it lacks, and nothing else.

use crate::context::Context;
use crate::exit::Ended;
use crate::output::style;
use seaworthy_api::Client;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Digest;
use seaworthy_model::release::ReleaseBundle;
use seaworthy_store::blobs::Blobs;
use std::collections::BTreeSet;

/// How many digests are asked about in one call.
const ASKED_AT_ONCE: usize = 10_000;

/// Sends blobs and release, and says so; returns the release's name.
pub(crate) async fn send(
    context: &Context,
    client: &mut Client,
    blobs: &Blobs,
    bundle: &ReleaseBundle,
) -> Result<Digest, Ended> {
    let sent = transfer(client, blobs, bundle).await?;
    if sent.blobs > 0 {
        let (dim, count, place) = (style::DIM, sent.blobs, client.transport().place());
        context.output.note(&format!("{dim}     sent{dim:#} {count} blobs, {} KB to {place}", sent.bytes / 1024));
    }
    Ok(sent.release)
}

/// What was sent.
pub(crate) struct Sent {
    /// The release's name.
    pub release: Digest,
    /// How many blobs.
    blobs: usize,
    /// How large they were.
    bytes: usize,
}

/// Sends blobs and release.
pub(crate) async fn transfer(client: &mut Client, blobs: &Blobs, bundle: &ReleaseBundle) -> Result<Sent, Ended> {
    let platform = client.node().await?.platform;
    if platform != bundle.provenance.platform {
        let built = &bundle.provenance.platform;
        return Err(Ended::refused(
            Diagnostic::user(format!("this release was built for `{built}`, the node runs `{platform}`"))
                .help("`seaworthy deploy --build-on-node` sends the commit, and the node builds it"),
        ));
    }
    let needed: Vec<Digest> = needed(blobs, bundle)?.into_iter().collect();
    let mut missing = Vec::new();
    for some in needed.chunks(ASKED_AT_ONCE) {
        missing.extend(client.missing(some.to_vec()).await?);
    }
    let mut bytes_sent = 0;
    for digest in &missing {
        let bytes = blobs.read(digest).map_err(|e| Ended::failed(e.into()))?;
        bytes_sent += bytes.len();
        client.put_blob(digest, bytes).await?;
    }
    let release = client.put_release(bundle).await?;
    Ok(Sent { release, blobs: missing.len(), bytes: bytes_sent })
}

/// Every blob of a release: manifests, what they name, checks.
fn needed(blobs: &Blobs, bundle: &ReleaseBundle) -> Result<BTreeSet<Digest>, Ended> {
    let mut digests: BTreeSet<Digest> = bundle.release.blobs().chain(bundle.manifests()).cloned().collect();
    for manifest in bundle.manifests() {
        digests.extend(blobs.references(manifest).map_err(|error| {
            let error = Diagnostic::machine(format!("the store of builds is damaged: {error}"));
            Ended::failed(error.help("`seaworthy build` makes what is missing again"))
        })?);
    }
    Ok(digests)
}
