//! Images from registries: as bases, and as they are.

use crate::made::Made;
use crate::maker::{BaseEvent, BaseMaker};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_image::oci::{self, LayerDescriptor};
use seaworthy_model::{Digest, ImageName, Name};
use seaworthy_pipeline::{BaseLayer, Foundation, GivenImage};
use seaworthy_pull::{Credentials, Platform, PullError, Puller};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// An image that was pulled.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Here {
    manifest: Digest,
    config: Digest,
    layers: Vec<LayerDescriptor>,
}

/// What a name stands for now, without asking anybody.
pub(crate) fn stands_for(maker: &BaseMaker<'_>, image: &ImageName, sources: &Path) -> Result<String, Diagnostic> {
    Ok(match locked(maker, image, sources)? {
        Some(digest) => ImageName { digest: Some(digest), ..image.clone() }.to_string(),
        None => image.to_string(),
    })
}

/// What a name stands for once these layers came of it.
pub(crate) fn stands_for_made(
    maker: &BaseMaker<'_>,
    made: &Made,
    image: &ImageName,
    layers: &[BaseLayer],
    sources: &Path,
) -> Result<Option<String>, Diagnostic> {
    let Some(digest) = locked(maker, image, sources)? else { return Ok(None) };
    let from = Digest::of_json(&("image", &digest, Platform::of_this_machine().to_string()));
    let known: Option<Here> = made.get(&from);
    let is_same = known.is_some_and(|here| here.layers.iter().eq(layers.iter().map(|layer| &layer.layer)));
    Ok(is_same.then(|| ImageName { digest: Some(digest), ..image.clone() }.to_string()))
}

/// The layers of an image as a base.
pub(crate) fn foundation(
    maker: &BaseMaker<'_>,
    made: &mut Made,
    service: &Name,
    image: &ImageName,
    sources: &Path,
) -> Result<Foundation, Diagnostic> {
    let (here, name) =
        here(maker, made, image, sources).map_err(|error| of(&format!("the base of `{service}`"), error))?;
    let environment = oci::image(maker.store(), &here.manifest)?.environment;
    let layer = |layer| BaseLayer { layer, what: name.to_string() };
    Ok(Foundation { layers: here.layers.into_iter().map(layer).collect(), environment })
}

/// An image as it is.
pub(crate) fn given(
    maker: &BaseMaker<'_>,
    made: &mut Made,
    service: &Name,
    image: &ImageName,
    sources: &Path,
) -> Result<GivenImage, Diagnostic> {
    let found = here(maker, made, image, sources);
    let (here, name) = found.map_err(|error| of(&format!("the image of `{service}`"), error))?;
    Ok(GivenImage { image: here.manifest, name: name.to_string() })
}

/// The image, pulled if it is not here; and its name with the digest that it has.
fn here(
    maker: &BaseMaker<'_>,
    made: &mut Made,
    image: &ImageName,
    sources: &Path,
) -> Result<(Here, ImageName), Diagnostic> {
    let known = locked(maker, image, sources)?.filter(|_| image.digest.is_some() || !maker.update());
    let digest = match known {
        Some(digest) => digest,
        None => resolve(maker, image, sources)?,
    };
    let name = ImageName { digest: Some(digest.clone()), ..image.clone() };
    let platform = Platform::of_this_machine();
    let from = Digest::of_json(&("image", &digest, platform.to_string()));
    let blobs = maker.blobs();
    let is_whole = |here: &Here| {
        let layers = here.layers.iter().map(|layer| &layer.digest);
        layers.chain([&here.config, &here.manifest]).all(|digest| blobs.contains(digest))
    };
    if let Some(here) = made.get(&from).filter(is_whole) {
        return Ok((here, name));
    }
    maker.tell(BaseEvent::Pulling { image: name.to_string() });
    let pulled = puller()?.pull(image, &digest, &platform, maker.store())?;
    let here = Here { manifest: pulled.manifest, config: pulled.config, layers: pulled.layers };
    made.put(&from, &here)?;
    Ok((here, name))
}

/// The digest that a name has itself, or that a lock gives it.
fn locked(maker: &BaseMaker<'_>, image: &ImageName, sources: &Path) -> Result<Option<Digest>, Diagnostic> {
    for lock in maker.locks(sources)? {
        if let Some(digest) = lock.images()?.digest(image) {
            return Ok(Some(digest.clone()));
        }
    }
    Ok(None)
}

/// Asks the registry what a tag means, and locks it where the user's manifest is.
fn resolve(maker: &BaseMaker<'_>, image: &ImageName, sources: &Path) -> Result<Digest, Diagnostic> {
    maker.tell(BaseEvent::Resolving { what: vec![image.to_string()] });
    let digest = puller()?.resolve(image)?;
    if let Some(lock) = maker.locks(sources)?.last_mut() {
        lock.set_image(image, digest.clone())?;
        maker.tell(BaseEvent::Locked { file: lock.path().to_owned() });
    }
    Ok(digest)
}

fn puller() -> Result<Puller, PullError> {
    Ok(Puller::new(Credentials::of_this_user()?))
}

fn of(whose: &str, mut error: Diagnostic) -> Diagnostic {
    error.message = format!("{whose}: {}", error.message);
    error
}
