//! Keys that take one word of a few.

use crate::finding::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $to:expr),* $(,)? }: $typed:ty) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub(in crate::manifest) enum $name { $($variant),* }

        impl From<$name> for $typed {
            fn from(raw: $name) -> Self {
                match raw { $($name::$variant => $to),* }
            }
        }
    };
}

choice!(Protocol { Http = Self::Http, Tcp = Self::Tcp }: crate::service::Protocol);
choice!(BuildNetwork { Machine = Self::Machine, None = Self::None }: crate::manifest::BuildNetwork);
choice!(Update { Beside = Self::Beside, Replace = Self::Replace }: crate::service::Update);
choice!(Answer { First = Self::First, Quorum = Self::Quorum, All = Self::All }: crate::release::Answer);
choice!(Compare { Body = Self::Body, Json = Self::Json, Status = Self::Status }: crate::release::Compare);
choice!(
    Stage { Functional = Self::Functional, Smoke = Self::Smoke, Monitor = Self::Monitor }: crate::release::Stage
);
choice!(
    SettingType {
        String = Self::String, Integer = Self::Integer, Boolean = Self::Boolean, Url = Self::Url,
        Duration = Self::Duration,
    }: crate::service::SettingType
);
choice!(Isolation { None = "none".to_owned(), Sandbox = "sandbox".to_owned() }: String);
choice!(Target { Local = "local".to_owned(), Kubernetes = "kubernetes".to_owned() }: String);
choice!(Forge { Github = Self::Github, Gitea = Self::Gitea, Gitlab = Self::Gitlab }: crate::follow::Forge);
choice!(
    LeastSeverity {
        Critical = Some(Severity::Critical), High = Some(Severity::High), Medium = Some(Severity::Medium),
        Low = Some(Severity::Low), Note = Some(Severity::Note), None = None,
    }: Option<Severity>
);
