//! Runs, and commits that are sent to be built.

use super::ClientError;
use super::body::Body;
use super::calls::NOTHING;
use super::connection::{Client, collect};
use crate::wire::{CommitList, RunProgress, SentCommit};
use hyper::{Method, Request};
use seaworthy_model::Name;
use seaworthy_model::run::Run;
use tokio::fs::File;

impl Client {
    /// `GET /v1/runs`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn runs(
        &mut self,
        app: &Name,
        environment: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<Run>, ClientError> {
        let environment = environment.map(Name::as_str).unwrap_or_default();
        let path = format!("/v1/runs?app={app}&environment={environment}&limit={limit}");
        self.call(Method::GET, &path, NOTHING).await
    }

    /// `POST /v1/apps/APP/environments/ENV/runs`: tries the last commit again.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn run_again(&mut self, app: &Name, environment: &Name) -> Result<Run, ClientError> {
        self.call(Method::POST, &format!("/v1/apps/{app}/environments/{environment}/runs"), NOTHING).await
    }

    /// `GET /v1/apps/APP/environments/ENV/commits`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn commits(&mut self, app: &Name, environment: &Name) -> Result<CommitList, ClientError> {
        self.call(Method::GET, &format!("/v1/apps/{app}/environments/{environment}/commits"), NOTHING).await
    }

    /// `POST /v1/apps/APP/environments/ENV/commits`: sends a commit to be tested and built; `bundle` holds what the
    /// node lacks of its history.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn send_commit(
        &mut self,
        app: &Name,
        environment: &Name,
        sent: &SentCommit,
        bundle: Option<File>,
    ) -> Result<Run, ClientError> {
        let body = match bundle {
            Some(file) => Body::file(file).await.map_err(|error| ClientError::Lost(error.to_string()))?,
            None => Body::Whole(None),
        };
        let SentCommit { commit, manifest } = sent;
        let manifest = encoded(manifest);
        let path = format!("/v1/apps/{app}/environments/{environment}/commits?commit={commit}&manifest={manifest}");
        let answer = self.send_request(Request::builder().method(Method::POST).uri(path), body).await?;
        let bytes = collect(answer.into_body()).await?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Protocol(error.to_string()))
    }

    /// `GET /v1/runs/ID/log?after=N`: what was written after byte N of its log, then what is written, to its end, or
    /// until `each` returns false.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn run_log(
        &mut self,
        id: u64,
        after: u64,
        each: impl FnMut(RunProgress) -> bool,
    ) -> Result<(), ClientError> {
        self.lines(Method::GET, &format!("/v1/runs/{id}/log?after={after}"), NOTHING, each).await
    }

    /// `POST /v1/runs/ID/stop`: stops the run of a commit that was sent.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn stop_run(&mut self, id: u64) -> Result<(), ClientError> {
        self.call::<_, serde_json::Value>(Method::POST, &format!("/v1/runs/{id}/stop"), NOTHING).await.map(drop)
    }
}

/// A text as a value of a query: what is not plainly harmless is written in hexadecimal (RFC 3986 section 2.1).
fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn values_of_a_query_end_where_they_end() {
        assert_eq!(encoded("a b/sea&x=1%.toml"), "a%20b/sea%26x%3D1%25.toml");
        assert_eq!(encoded("ü"), "%C3%BC");
    }
}
