//! Removing what nothing needs: after a deployment, and once a day.

use crate::Node;
use crate::failure::machine;
use crate::supervise::{complain, note};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Digest;
use seaworthy_store::{Collected, Keep, layers};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How often it is done when nobody deploys.
const EVERY: Duration = Duration::from_secs(24 * 3600);

/// Where unpacked layers and images are, below the node's home.
const UNPACKED: [&str; 2] = ["images/layers", "images/trees"];

/// Collects whenever a deployment has ended, and once a day.
pub(crate) async fn keep_tidy(node: Arc<Node>) {
    loop {
        // That the time has passed is no error: then it is that time of the day.
        let _ = tokio::time::timeout(EVERY, node.untidy.notified()).await;
        match node.tidy().await {
            Ok(collected) => tell(&collected),
            // Nothing is lost by leaving things: it is tried again.
            Err(error) => complain(&error),
        }
        if let Err(error) = crate::delivery::sweep(&node).await {
            complain(&error);
        }
    }
}

fn tell(collected: &Collected) {
    let Collected { releases, blobs, blobs_bytes, .. } = collected;
    if *blobs > 0 || !releases.is_empty() {
        let (count, size) = (releases.len(), blobs_bytes / 1024);
        note(&format!("{count} releases and {blobs} blobs ({size} KB) that nothing needs any more were removed"));
    }
}

impl Node {
    async fn tidy(self: &Arc<Self>) -> Result<Collected, Diagnostic> {
        // What is planned now may lead back to what is about to be removed.
        let turn = self.deployments.no_beginnings().await;
        let images: BTreeSet<Digest> = self.engine.status()?.into_iter().map(|pool| pool.spec.image).collect();
        let keep = Keep { revisions: self.options.keep_revisions, spare: self.options.keep_young, images };
        let node = Arc::clone(self);
        let collecting = tokio::task::spawn_blocking(move || node.store.collect_garbage(&node.blobs, &keep));
        let collected = collecting.await.map_err(|e| machine(&e))??;
        drop(turn);
        let (home, spare) = (self.options.home.clone(), self.options.keep_young);
        let removing = tokio::task::spawn_blocking(move || {
            let needed = collected.layers.union(&collected.images).cloned().collect();
            UNPACKED.iter().try_for_each(|name| layers::collect(&home.join(name), &needed, spare).map(drop))?;
            Ok::<_, Diagnostic>(collected)
        });
        removing.await.map_err(|e| machine(&e))?
    }
}
