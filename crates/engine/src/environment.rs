//! What a program finds in its environment: what is written here, and nothing else.

use crate::calls::Reach;
use crate::loopback::Loopback;
use crate::program::PATH;
use seaworthy_diagnostics::{Diagnostic, Masked};
use seaworthy_model::Name;
use seaworthy_model::pool::PoolSpec;
use seaworthy_model::template::{Part, Template};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What only the target knows.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The instance's `HOME`.
    pub(crate) home: PathBuf,
    /// The instance's `TMPDIR`.
    pub(crate) temporary: PathBuf,
    /// Where it is to listen.
    pub(crate) port: Option<u16>,
    /// By volume, its folder.
    pub(crate) volumes: BTreeMap<Name, PathBuf>,
    /// By callee, where it answers and what it speaks.
    pub(crate) callees: BTreeMap<Name, Reach>,
    /// What stands in its own network, if it has one.
    pub(crate) loopback: Option<Loopback>,
    /// What its image gives every program.
    pub(crate) image: BTreeMap<String, String>,
}

/// What an image cannot decide: where things are that only the target knows.
const OURS: [&str; 4] = ["HOME", "TMPDIR", "HOST", "PORT"];

/// The variables of one instance.
///
/// # Errors
/// When a value refers to something that there is not.
pub(crate) fn build(spec: &PoolSpec, facts: &Facts) -> Result<BTreeMap<String, Masked<String>>, Diagnostic> {
    let mut variables: BTreeMap<String, String> = [
        ("PATH", PATH.to_owned()),
        ("HOME", facts.home.display().to_string()),
        ("TMPDIR", facts.temporary.display().to_string()),
        ("LANG", "C.UTF-8".to_owned()),
        ("TZ", "UTC".to_owned()),
        ("HOST", "127.0.0.1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let of_image = facts.image.iter().filter(|(name, _)| !OURS.contains(&name.as_str()));
    variables.extend(of_image.map(|(name, value)| (name.clone(), value.clone())));
    if let Some(port) = facts.port {
        variables.insert("PORT".to_owned(), port.to_string());
    }
    if let Some((loopback, proxy)) = facts.loopback.as_ref().and_then(|own| Some((own, own.proxy?))) {
        let (proxy, without) = (format!("http://{proxy}"), loopback.without_proxy());
        let values = [("HTTPS_PROXY", &proxy), ("https_proxy", &proxy), ("NO_PROXY", &without), ("no_proxy", &without)];
        variables.extend(values.map(|(name, value)| (name.to_owned(), value.clone())));
    }
    let given = variables.clone();
    for (name, template) in &spec.env {
        let value = render(spec, facts, &given, template, 0).map_err(|what| unknown(spec, name, &what))?;
        variables.insert(name.clone(), value);
    }
    Ok(variables.into_iter().map(|(name, value)| (name, Masked::new(value))).collect())
}

fn unknown(spec: &PoolSpec, name: &str, what: &str) -> Diagnostic {
    Diagnostic::user(format!("`env.{name}` of `{}` refers to {what}", spec.service))
        .help("declare it, or write another value")
}

/// The template's text; `Err`: what it refers to in vain.
fn render(
    spec: &PoolSpec,
    facts: &Facts,
    given: &BTreeMap<String, String>,
    template: &Template,
    depth: usize,
) -> Result<String, String> {
    let callee = |name: &Name| facts.callees.get(name).ok_or_else(|| format!("`{name}`, which it does not call"));
    let mut text = String::new();
    for part in &template.parts {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Url(name) => text.push_str(&callee(name)?.url()),
            Part::Host(name) => text.push_str(&callee(name)?.host),
            Part::Port(name) => text.push_str(&callee(name)?.port.to_string()),
            Part::Volume(name) => {
                let path = facts.volumes.get(name).ok_or_else(|| format!("the volume `{name}`, which it has not"))?;
                text.push_str(&path.display().to_string());
            }
            Part::Setting(name) => match (given.get(name), spec.env.get(name)) {
                (Some(value), _) => text.push_str(value),
                (None, Some(other)) if depth <= spec.env.len() => {
                    text.push_str(&render(spec, facts, given, other, depth + 1)?);
                }
                (None, Some(_)) => return Err(format!("`env.{name}`, which refers back to it")),
                (None, None) => return Err(format!("`env.{name}`, which it has not")),
            },
            Part::Release => text.push_str(spec.image.short()),
            Part::Environment => text.push_str(spec.environment.as_str()),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pool_spec;
    use seaworthy_model::service::Protocol;

    fn facts() -> Facts {
        let name = |text: &str| Name::new(text).unwrap();
        Facts {
            home: "/i/home".into(),
            temporary: "/i/tmp".into(),
            port: Some(20_001),
            volumes: BTreeMap::from([(name("data"), PathBuf::from("/v/data"))]),
            callees: BTreeMap::from([
                (name("pay"), Reach { host: "127.0.0.1".to_owned(), port: 20_002, protocol: Protocol::Http }),
                (name("cache"), Reach { host: "127.0.0.1".to_owned(), port: 20_003, protocol: Protocol::Tcp }),
                (name("stock"), Reach { host: "stock".to_owned(), port: 80, protocol: Protocol::Http }),
            ]),
            loopback: None,
            image: BTreeMap::new(),
        }
    }

    fn with(values: &[(&str, &str)]) -> PoolSpec {
        let mut spec = pool_spec("web", &["./run"]);
        spec.env = values.iter().map(|(n, v)| ((*n).to_owned(), Template::parse(v).unwrap())).collect();
        spec
    }

    #[test]
    fn a_program_finds_these_and_nothing_else() {
        let values = [
            ("URL", "${pay.url}/v1"),
            ("CACHE", "${cache.url} ${cache.host} ${cache.port}"),
            ("DATABASE_URL", "sqlite://${volumes.data}/x.db"),
            ("STOCK", "${stock.url}/v1 ${stock.host}:${stock.port}"),
            ("SELF", "http://${env.HOST}:${env.PORT}"),
            ("PRICE", "$${5}"),
        ];
        let variables = build(&with(&values), &facts()).unwrap();
        let shown: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={}", value.reveal())).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        CACHE=tcp://127.0.0.1:20003 127.0.0.1 20003
        DATABASE_URL=sqlite:///v/data/x.db
        HOME=/i/home
        HOST=127.0.0.1
        LANG=C.UTF-8
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        PORT=20001
        PRICE=${5}
        SELF=http://127.0.0.1:20001
        STOCK=http://stock/v1 stock:80
        TMPDIR=/i/tmp
        TZ=UTC
        URL=http://127.0.0.1:20002/v1
        ");
    }

    #[test]
    fn what_is_not_there_is_named() {
        for (value, expected) in [
            ("${other.url}", "`other`, which it does not call"),
            ("${volumes.cache}", "the volume `cache`, which it has not"),
            ("${env.NOBODY}", "`env.NOBODY`, which it has not"),
            ("${env.A}", "`env.A`, which refers back to it"),
        ] {
            let error = build(&with(&[("A", value)]), &facts()).unwrap_err();
            assert_eq!(error.message, format!("`env.A` of `web` refers to {expected}"));
        }
    }

    #[test]
    fn an_image_comes_before_what_is_usual_and_after_what_is_declared() {
        let image =
            [("PATH", "/opt/bin"), ("JAVA_HOME", "/opt/java"), ("A", "image"), ("HOME", "/root"), ("PORT", "80")];
        let image = image.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let built = build(&with(&[("A", "own")]), &Facts { image, ..facts() }).unwrap();
        let expected =
            [("PATH", "/opt/bin"), ("JAVA_HOME", "/opt/java"), ("A", "own"), ("HOME", "/i/home"), ("PORT", "20001")];
        for (name, value) in expected {
            assert_eq!(built[name].reveal(), value, "{name}");
        }
    }
}
