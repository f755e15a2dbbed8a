//! An archive: its signed lists, the packages in them, and their files.

use crate::apt;
use crate::cache::{Cache, is_missing};
use crate::deb::Deb;
use crate::error::Error;
use crate::format::{Compression, reader};
use crate::limits;
use crate::lock::{self, LockedBase, LockedPackage};
use crate::mirror::{Mirror, Suite};
use crate::network::Network;
use crate::resolve;
use crate::trust::Keyring;
use crate::trust::release::{self, Expected, Release, Sum};
use crate::universe::Universe;
use seaworthy_diagnostics::Diagnostic;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Where packages come from, who vouches for them, and where they are kept.
#[derive(Debug)]
pub struct Archive {
    suites: Vec<Suite>,
    network: Network,
    architecture: String,
    cache: Cache,
    now: SystemTime,
    notices: Vec<String>,
}

/// How far one package has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Its name.
    pub package: &'a str,
    /// Bytes that are here.
    pub done: u64,
    /// Bytes of the whole.
    pub size: u64,
}

/// A [`Progress`] as it comes, from several threads.
pub type OnProgress<'a> = &'a (dyn Fn(Progress<'_>) + Sync);

impl Archive {
    /// The sources, keys, proxies and certificates that this machine's apt is told of. A machine without any can still
    /// have what is in the cache. Nothing is fetched yet.
    ///
    /// # Errors
    /// When the configuration cannot be read, or has something that is not known here.
    pub fn of_this_machine(cache: &Path, now: SystemTime) -> Result<Self, Diagnostic> {
        let architecture = this_architecture()?;
        let machine = apt::read(Path::new("/"), &architecture)?;
        let apt::Machine { suites, network, notices, .. } = machine;
        Ok(Self { suites, network, architecture, cache: Cache::new(cache), now, notices })
    }

    /// A named mirror; proxies and certificates are still this machine's, its keys too where the mirror names none.
    ///
    /// # Errors
    /// When the mirror's address is not `http://` or `https://`, or its keyrings hold no key.
    pub fn new(mirror: &Mirror, cache: &Path, now: SystemTime) -> Result<Self, Diagnostic> {
        let architecture = this_architecture()?;
        // What apt's sources are does not matter here, even when they are wrong.
        let machine = apt::read(Path::new("/"), &architecture).unwrap_or_default();
        let mut keys = Keyring::default();
        for keyring in &mirror.keyrings {
            if keys.add(keyring) == 0 {
                let what = "one of its keyrings holds no key".to_owned();
                return Err(Error::Source { source_line: crate::mirror::shown(&mirror.uri), what }.into());
            }
        }
        let is_known = ["http://", "https://"].iter().any(|scheme| mirror.uri.starts_with(scheme));
        if !is_known || mirror.suites.is_empty() || mirror.suites.len() > limits::SUITES_MAX {
            let what = "it needs an address that begins with `https://` or `http://`, and a suite".to_owned();
            return Err(Error::Source { source_line: crate::mirror::shown(&mirror.uri), what }.into());
        }
        let suites = mirror.suites.iter().map(|name| Suite {
            uri: mirror.uri.trim_end_matches('/').to_owned(),
            name: name.clone(),
            components: mirror.components.clone(),
            keys: if mirror.keyrings.is_empty() { machine.keys.clone() } else { keys.clone() },
            check_date: true,
            check_valid_until: true,
        });
        let (suites, network, cache) = (suites.collect(), machine.network, Cache::new(cache));
        Ok(Self { suites, network, architecture, cache, now, notices: Vec::new() })
    }

    /// For another architecture than this machine's, by Debian's name.
    #[must_use]
    pub fn for_architecture(mut self, architecture: &str) -> Self {
        architecture.clone_into(&mut self.architecture);
        self
    }

    /// The main suite as it is asked for: the key of a lock's entry. `None` where no source is known.
    #[must_use]
    pub fn suite(&self) -> Option<&str> {
        self.suites.first().map(|suite| suite.name.as_str())
    }

    /// Debian's name of the architecture.
    #[must_use]
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// What the user should know of the configuration.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The newest packages that these need, themselves included. Fetches and checks the archive's lists.
    ///
    /// # Errors
    /// When a list cannot be had or trusted, a name is not known, or a dependency cannot be fulfilled.
    pub fn resolve(&self, packages: &[String]) -> Result<LockedBase, Diagnostic> {
        Ok(self.resolve_typed(packages)?)
    }

    fn resolve_typed(&self, packages: &[String]) -> Result<LockedBase, Error> {
        let main = self.suites.first().ok_or(Error::NoSources)?;
        self.cache.sweep(self.now);
        let mut universe = Universe::default();
        let mut first = None;
        for suite in &self.suites {
            let release = self.release(suite)?;
            self.add_indexes(suite, &release, &mut universe)?;
            first.get_or_insert(release);
        }
        let release = first.ok_or(Error::NoSources)?;
        let packages = lock::sorted(packages);
        let records = resolve::resolve(&universe, &packages)?;
        let locked = records.iter().map(|record| LockedPackage {
            name: record.name.clone(),
            version: record.version_text.clone(),
            architecture: record.architecture.clone(),
            size: record.size,
            sha256: record.sha256.clone(),
            path: record.path.clone(),
            suite: record.suite.clone(),
        });
        Ok(LockedBase {
            packages,
            suite: main.name.clone(),
            architecture: self.architecture.clone(),
            origin: release.origin,
            codename: release.codename,
            version: release.version,
            locked: locked.collect(),
        })
    }

    fn release(&self, suite: &Suite) -> Result<Release, Error> {
        let archive = format!("{} {}", crate::mirror::shown(&suite.uri), suite.name);
        let expected = Expected {
            archive: &archive,
            suite: (!suite.name.ends_with('/')).then_some(suite.name.trim_end_matches('/')),
            keys: &suite.keys,
            now: self.now,
            check_date: suite.check_date,
            check_valid_until: suite.check_valid_until,
        };
        if suite.keys.is_empty() {
            return Err(Error::NoKeys { archive });
        }
        let mut bytes = Vec::new();
        self.network.fetch(&format!("{}/InRelease", suite.base()), limits::RELEASE_BYTES_MAX, &mut bytes)?;
        release::open(&bytes, &expected)
    }

    fn add_indexes(&self, suite: &Suite, release: &Release, universe: &mut Universe) -> Result<(), Error> {
        let everywhere = if release.all_apart { suite.indexes("all") } else { Vec::new() };
        let own = suite.indexes(&self.architecture).into_iter().map(|path| (path, true));
        for (path, is_needed) in own.chain(everywhere.into_iter().map(|path| (path, false))) {
            let found = [".xz", ".zst", ".gz", ""].into_iter().find_map(|suffix| {
                let name = format!("{path}{suffix}");
                release.files.get(&name).map(|sum| (name, sum, suffix))
            });
            let Some((name, sum, suffix)) = found else {
                if is_needed {
                    let what = format!("{} {}", crate::mirror::shown(&suite.uri), suite.name);
                    return Err(Error::content(what, format!("it has no `{path}`")));
                }
                continue;
            };
            let text = self.index(suite, release, &name, sum, suffix)?;
            universe.add(&suite.name, release.not_automatic, text)?;
        }
        Ok(())
    }

    fn index(&self, suite: &Suite, release: &Release, name: &str, sum: &Sum, suffix: &str) -> Result<String, Error> {
        let what = format!("{} {name}", suite.name);
        if sum.size > limits::INDEX_BYTES_MAX {
            return Err(Error::Limit { what: format!("bytes in `{what}`"), most: limits::INDEX_BYTES_MAX });
        }
        let base = suite.base();
        let mut urls = vec![format!("{base}/{name}")];
        if release.by_hash {
            // Proxies and mirrors without these names still have the plain one.
            let folder = name.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
            urls.insert(0, format!("{base}/{folder}by-hash/SHA256/{}", sum.sha256));
        }
        let path = self.cache.file(&self.cache.index(sum), sum, &urls, &self.network, &|_| {})?;
        let compression = Compression::of_suffix(suffix).unwrap_or(Compression::None);
        let file = std::fs::File::open(&path);
        let file = file.map_err(|error| seaworthy_host::files::FileError::new("read", &path, error))?;
        let mut text = String::new();
        reader(compression, BufReader::new(file), limits::INDEX_TEXT_BYTES_MAX)
            .and_then(|mut bytes| bytes.read_to_string(&mut text))
            .map_err(|error| Error::malformed(what, error))?;
        Ok(text)
    }

    /// The package files of a base, checked and unpacked, in the base's order. What is in the cache is not fetched.
    ///
    /// # Errors
    /// When a file cannot be had, is not what was locked, or is no package.
    pub fn fetch(&self, base: &LockedBase, progress: OnProgress<'_>) -> Result<Vec<Deb>, Diagnostic> {
        self.cache.sweep(self.now);
        let results: Mutex<Vec<Option<Result<Deb, Error>>>> = Mutex::new(base.locked.iter().map(|_| None).collect());
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..limits::FETCHES_AT_ONCE {
                scope.spawn(|| {
                    while !failed.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(package) = base.locked.get(number) else { break };
                        let result = self.fetch_one(package, progress);
                        failed.fetch_or(result.is_err(), Ordering::Relaxed);
                        results.lock().unwrap_or_else(PoisonError::into_inner)[number] = Some(result);
                    }
                });
            }
        });
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(results.into_iter().flatten().collect::<Result<Vec<_>, Error>>()?)
    }

    fn fetch_one(&self, package: &LockedPackage, progress: OnProgress<'_>) -> Result<Deb, Error> {
        let sum = Sum { size: package.size, sha256: package.sha256.clone() };
        let tell = |done| progress(Progress { package: &package.name, done, size: package.size });
        // The suite that it was found in comes first; the same file may lie in the others' places, too.
        let (own, others): (Vec<_>, Vec<_>) = self.suites.iter().partition(|suite| suite.name == package.suite);
        let mut urls: Vec<String> = Vec::new();
        for suite in own.into_iter().chain(others) {
            let url = suite.pool(&package.path);
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
        let path = self.cache.package(&package.sha256);
        let fetched = self.cache.file(&path, &sum, &urls, &self.network, &tell);
        let path = fetched.map_err(|error| match is_missing(&error) {
            true => Error::Vanished {
                name: package.name.clone(),
                version: package.version.clone(),
                tried: urls.iter().map(|url| format!("not at {}", crate::mirror::shown(url))).collect(),
            },
            false => error,
        })?;
        tell(package.size);
        Deb::unpack(package, &path, &self.cache.unpacked(&package.sha256))
    }
}

/// Debian's name of this machine's architecture.
///
/// # Errors
/// When Debian has none.
pub fn this_architecture() -> Result<String, Diagnostic> {
    let name = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "armhf",
        "x86" => "i386",
        "riscv64" => "riscv64",
        "s390x" => "s390x",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64el",
        other => return Err(Error::Architecture(other.to_owned()).into()),
    };
    Ok(name.to_owned())
}
