//! Errors as the specification writes them: `{"errors": [{"code", "message", "detail"}]}`.

use crate::names::InvalidName;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_store::{StoreError, UploadError};
use serde::Serialize;

/// What went wrong (OCI distribution specification 1.1, "Error Codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// A blob is not here.
    BlobUnknown,
    /// An upload cannot go on like this.
    BlobUploadInvalid,
    /// There is no such upload.
    BlobUploadUnknown,
    /// Not a digest, or not that of what came.
    DigestInvalid,
    /// A manifest needs a blob that is not here.
    ManifestBlobUnknown,
    /// Not a manifest.
    ManifestInvalid,
    /// A manifest is not here.
    ManifestUnknown,
    /// Not a name.
    NameInvalid,
    /// There is no such repository.
    NameUnknown,
    /// Not of the size that it may have, or was said to have.
    SizeInvalid,
    /// Who are you?
    Unauthorized,
    /// You may not.
    Denied,
    /// This is not done here.
    Unsupported,
    /// Too much at once.
    Toomanyrequests,
    /// The machine or Seaworthy is to blame (no code of the specification).
    Unknown,
}

/// An answer that says no.
#[derive(Debug)]
pub struct RegistryError {
    code: Code,
    status: StatusCode,
    message: String,
    detail: Option<String>,
}

/// What an endpoint gives back.
pub(crate) type Answer = Result<Response, RegistryError>;

impl RegistryError {
    /// An error whose code says its status.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let status = match code {
            Code::BlobUnknown
            | Code::BlobUploadUnknown
            | Code::ManifestBlobUnknown
            | Code::ManifestUnknown
            | Code::NameUnknown => StatusCode::NOT_FOUND,
            Code::BlobUploadInvalid
            | Code::DigestInvalid
            | Code::ManifestInvalid
            | Code::NameInvalid
            | Code::SizeInvalid => StatusCode::BAD_REQUEST,
            Code::Unauthorized => StatusCode::UNAUTHORIZED,
            Code::Denied => StatusCode::FORBIDDEN,
            Code::Unsupported => StatusCode::METHOD_NOT_ALLOWED,
            Code::Toomanyrequests => StatusCode::TOO_MANY_REQUESTS,
            Code::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { code, status, message: message.into(), detail: None }
    }

    /// The same with another status.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same with the next thing to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.detail = Some(help.into());
        self
    }

    /// What is larger than it may be.
    pub(crate) fn too_large(what: &str, limit_bytes: u64) -> Self {
        Self::new(Code::SizeInvalid, format!("{what} may have {limit_bytes} bytes at most"))
            .status(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// A task that ended before it answered.
    pub(crate) fn lost() -> Self {
        Self::new(Code::Unknown, "the answer was lost")
    }
}

impl IntoResponse for RegistryError {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Errors {
            errors: [Error; 1],
        }
        #[derive(Serialize)]
        struct Error {
            code: Code,
            message: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: Option<String>,
        }
        let error = Error { code: self.code, message: self.message, detail: self.detail };
        let mut response = (self.status, Json(Errors { errors: [error] })).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"seaworthy\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<InvalidName> for RegistryError {
    fn from(error: InvalidName) -> Self {
        let code = match error {
            InvalidName::Repository(_) => Code::NameInvalid,
            InvalidName::Reference(_) => Code::ManifestInvalid,
            InvalidName::Digest(_) => Code::DigestInvalid,
        };
        Self::new(code, error.to_string())
    }
}

impl From<StoreError> for RegistryError {
    fn from(error: StoreError) -> Self {
        if let StoreError::MissingBlob(_) = error {
            return Self::new(Code::BlobUnknown, error.to_string());
        }
        let full = matches!(&error, StoreError::Io { source, .. } if is_full(source));
        let diagnostic = Diagnostic::from(error);
        debug_assert_ne!(diagnostic.fault, Fault::User, "what a client can do wrong has a code of its own");
        let found = Self { detail: diagnostic.help, ..Self::new(Code::Unknown, diagnostic.message) };
        if full { found.status(StatusCode::INSUFFICIENT_STORAGE) } else { found }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

impl From<UploadError> for RegistryError {
    fn from(error: UploadError) -> Self {
        let text = error.to_string();
        match error {
            UploadError::Unknown => Self::new(Code::BlobUploadUnknown, text),
            UploadError::OutOfOrder { .. } => {
                Self::new(Code::BlobUploadInvalid, text).status(StatusCode::RANGE_NOT_SATISFIABLE)
            }
            UploadError::Busy => Self::new(Code::BlobUploadInvalid, text).status(StatusCode::CONFLICT),
            UploadError::TooMany => Self::new(Code::Toomanyrequests, text),
            UploadError::TooLarge { limit_bytes } => Self::too_large("a blob", limit_bytes),
            UploadError::WrongDigest { .. } => Self::new(Code::DigestInvalid, text),
            UploadError::Interrupted(_) => Self::new(Code::BlobUploadInvalid, text),
            UploadError::Store(error) => error.into(),
        }
    }
}
