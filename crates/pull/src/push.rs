//! From the store into a registry: blobs that are missing there, then the manifest (OCI distribution specification 1.1,
//! "Push").

use crate::connection::{Connection, Payload, agent, read};
use crate::{Credentials, PullError};
use seaworthy_image::links::{DOCUMENT_BYTES_MAX, Links, OCI_INDEX};
use seaworthy_model::{Digest, ImageName};
use seaworthy_store::Blobs;
use serde_json::{Value, json};
use ureq::Body;
use ureq::http::{Method, Response, StatusCode, header};

/// How often an upload is begun when the connection breaks.
const TRIES: u32 = 3;
/// The registry says so when it finds by itself what belongs to an image.
const KNOWS_SUBJECTS: &str = "oci-subject";

/// Pushes images, with the credentials of a user.
#[derive(Debug)]
pub struct Pusher {
    credentials: Credentials,
}

impl Pusher {
    /// Pushes with these credentials.
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials }
    }

    /// Brings an image, and what belongs to it (`attachments`: manifests whose subject it is), to where the name says.
    /// What is there already is not sent again; the manifest comes when everything that it names is there.
    ///
    /// # Errors
    /// [`PullError`]; blobs that came whole stay in the registry, which nothing points at.
    pub fn push(&self, to: &ImageName, image: &Digest, attachments: &[Digest], blobs: &Blobs) -> Result<(), PullError> {
        let agent = agent(to);
        let connection = Connection::for_pushing(&agent, to, self.credentials.login(to)?);
        let pushing = Pushing { connection, blobs };
        let tag = to.tag.as_deref().unwrap_or("latest");
        pushing.manifest(image, tag)?;
        for attachment in attachments {
            let knows = pushing.manifest(attachment, &attachment.to_string())?;
            if !knows {
                pushing.refer(image, attachment)?;
            }
        }
        Ok(())
    }
}

/// One push.
struct Pushing<'a> {
    connection: Connection<'a>,
    blobs: &'a Blobs,
}

impl Pushing<'_> {
    /// A manifest, after what it names; whether the registry keeps account of subjects.
    fn manifest(&self, digest: &Digest, reference: &str) -> Result<bool, PullError> {
        let bytes = self.blobs.read(digest)?;
        let links = Links::read(&bytes).map_err(|error| self.connection.odd(error.to_string()))?;
        for blob in links.blobs() {
            self.blob(&blob.digest)?;
        }
        let answer = self.put_document(reference, links.kind(), &bytes)?;
        Ok(answer.headers().contains_key(KNOWS_SUBJECTS))
    }

    fn put_document(&self, reference: &str, kind: &str, bytes: &[u8]) -> Result<Response<Body>, PullError> {
        let url = self.connection.url(&format!("manifests/{reference}"));
        let payload = || Ok(Payload::Bytes(bytes.to_vec()));
        let answer = self.connection.send(&Method::PUT, &url, Some(kind), &payload)?;
        match answer.status() {
            StatusCode::CREATED | StatusCode::OK | StatusCode::ACCEPTED => Ok(answer),
            _ => Err(self.connection.refused(&answer)),
        }
    }

    /// A blob, unless it is there.
    fn blob(&self, digest: &Digest) -> Result<(), PullError> {
        let empty = || Ok(Payload::Empty);
        let url = self.connection.url(&format!("blobs/{digest}"));
        let answer = self.connection.send(&Method::HEAD, &url, None, &empty)?;
        match answer.status() {
            StatusCode::OK => return Ok(()),
            StatusCode::NOT_FOUND => {}
            _ => return Err(self.connection.refused(&answer)),
        }
        let mut tries = 1;
        loop {
            match self.upload(digest) {
                Err(PullError::Unreachable { .. }) if tries < TRIES => tries += 1,
                other => return other,
            }
        }
    }

    fn upload(&self, digest: &Digest) -> Result<(), PullError> {
        let url = self.connection.url("blobs/uploads/");
        let begun = self.connection.send(&Method::POST, &url, None, &|| Ok(Payload::Empty))?;
        if begun.status() != StatusCode::ACCEPTED {
            return Err(self.connection.refused(&begun));
        }
        let place = begun.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let place = place.ok_or_else(|| self.connection.odd("it does not say where to upload".to_owned()))?;
        let place = self.connection.absolute(place)?;
        let separator = if place.contains('?') { '&' } else { '?' };
        let payload = || Ok(Payload::File(self.blobs.open_blob(digest)?.0));
        let (kind, url) = (Some("application/octet-stream"), format!("{place}{separator}digest={digest}"));
        let answer = self.connection.send(&Method::PUT, &url, kind, &payload)?;
        if answer.status() == StatusCode::CREATED { Ok(()) } else { Err(self.connection.refused(&answer)) }
    }

    /// Names what belongs to an image under the tag by which others look for it where the registry does not
    /// ("Referrers Tag Schema").
    fn refer(&self, image: &Digest, attachment: &Digest) -> Result<(), PullError> {
        let tag = format!("sha256-{}", image.hex());
        let mut index = self.index(&tag)?;
        let bytes = self.blobs.read(attachment)?;
        let links = Links::read(&bytes).map_err(|error| self.connection.odd(error.to_string()))?;
        let odd = || self.connection.odd("its list of what belongs to the image is none".to_owned());
        let list = index.get_mut("manifests").and_then(Value::as_array_mut).ok_or_else(odd)?;
        let name = attachment.to_string();
        if list.iter().any(|entry| entry.get("digest").and_then(Value::as_str) == Some(&name)) {
            return Ok(());
        }
        list.push(json!({ "mediaType": links.kind(), "digest": name, "size": bytes.len(),
            "artifactType": links.artifact_type }));
        self.put_document(&tag, OCI_INDEX, index.to_string().as_bytes()).map(drop)
    }

    /// The list under a tag; an empty one where there is none.
    fn index(&self, tag: &str) -> Result<Value, PullError> {
        let empty = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [] });
        let response = match self.connection.get(&format!("manifests/{tag}")) {
            Err(PullError::Missing { .. }) => return Ok(empty),
            other => other?,
        };
        let bytes = read(response, DOCUMENT_BYTES_MAX).map_err(|why| self.connection.odd(why))?;
        serde_json::from_slice(&bytes).map_err(|error| self.connection.odd(error.to_string()))
    }
}
