//! Which packages have the libraries that a program needs.

use crate::error::Error;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Libraries that many programs need and the packages that have them. Where a package was renamed for 64 bits of time
/// (`libssl3t64`), it provides the old name.
const KNOWN: &[(&str, &str)] = &[
    ("ld-linux-aarch64.so.1", "libc6"),
    ("ld-linux-armhf.so.3", "libc6"),
    ("ld-linux-riscv64-lp64d.so.1", "libc6"),
    ("ld-linux-x86-64.so.2", "libc6"),
    ("ld-linux.so.2", "libc6"),
    ("ld64.so.1", "libc6"),
    ("ld64.so.2", "libc6"),
    ("libBrokenLocale.so.1", "libc6"),
    ("libanl.so.1", "libc6"),
    ("libatomic.so.1", "libatomic1"),
    ("libbrotlicommon.so.1", "libbrotli1"),
    ("libbrotlidec.so.1", "libbrotli1"),
    ("libbrotlienc.so.1", "libbrotli1"),
    ("libbsd.so.0", "libbsd0"),
    ("libbz2.so.1.0", "libbz2-1.0"),
    ("libc.so.6", "libc6"),
    ("libcom_err.so.2", "libcom-err2"),
    ("libcrypt.so.1", "libcrypt1"),
    ("libcrypto.so.3", "libssl3"),
    ("libcurl-gnutls.so.4", "libcurl3-gnutls"),
    ("libcurl.so.4", "libcurl4"),
    ("libdbus-1.so.3", "libdbus-1-3"),
    ("libdl.so.2", "libc6"),
    ("libedit.so.2", "libedit2"),
    ("libexpat.so.1", "libexpat1"),
    ("libffi.so.8", "libffi8"),
    ("libfontconfig.so.1", "libfontconfig1"),
    ("libfreetype.so.6", "libfreetype6"),
    ("libgcc_s.so.1", "libgcc-s1"),
    ("libgfortran.so.5", "libgfortran5"),
    ("libglib-2.0.so.0", "libglib2.0-0"),
    ("libgmp.so.10", "libgmp10"),
    ("libgnutls.so.30", "libgnutls30"),
    ("libgomp.so.1", "libgomp1"),
    ("libgssapi_krb5.so.2", "libgssapi-krb5-2"),
    ("libidn2.so.0", "libidn2-0"),
    ("libjemalloc.so.2", "libjemalloc2"),
    ("libk5crypto.so.3", "libk5crypto3"),
    ("libkrb5.so.3", "libkrb5-3"),
    ("liblz4.so.1", "liblz4-1"),
    ("liblzma.so.5", "liblzma5"),
    ("libm.so.6", "libc6"),
    ("libmariadb.so.3", "libmariadb3"),
    ("libmvec.so.1", "libc6"),
    ("libncurses.so.6", "libncurses6"),
    ("libncursesw.so.6", "libncursesw6"),
    ("libnghttp2.so.14", "libnghttp2-14"),
    ("libnsl.so.2", "libnsl2"),
    ("libnss_dns.so.2", "libc6"),
    ("libnss_files.so.2", "libc6"),
    ("libnuma.so.1", "libnuma1"),
    ("libodbc.so.2", "libodbc2"),
    ("libpcre2-8.so.0", "libpcre2-8-0"),
    ("libpng16.so.16", "libpng16-16"),
    ("libpq.so.5", "libpq5"),
    ("libpthread.so.0", "libc6"),
    ("libquadmath.so.0", "libquadmath0"),
    ("libreadline.so.8", "libreadline8"),
    ("libresolv.so.2", "libc6"),
    ("librt.so.1", "libc6"),
    ("libsasl2.so.2", "libsasl2-2"),
    ("libsnappy.so.1", "libsnappy1v5"),
    ("libsodium.so.23", "libsodium23"),
    ("libsqlite3.so.0", "libsqlite3-0"),
    ("libssl.so.3", "libssl3"),
    ("libstdc++.so.6", "libstdc++6"),
    ("libsystemd.so.0", "libsystemd0"),
    ("libthread_db.so.1", "libc6"),
    ("libtinfo.so.6", "libtinfo6"),
    ("libudev.so.1", "libudev1"),
    ("libunwind.so.8", "libunwind8"),
    ("libutil.so.1", "libc6"),
    ("libuuid.so.1", "libuuid1"),
    ("libuv.so.1", "libuv1"),
    ("libxml2.so.2", "libxml2"),
    ("libxslt.so.1.1", "libxslt1.1"),
    ("libyaml-0.so.2", "libyaml-0-2"),
    ("libz.so.1", "zlib1g"),
    ("libzmq.so.5", "libzmq5"),
    ("libzstd.so.1", "libzstd1"),
];

/// The packages that have these libraries (`DT_NEEDED`) and this loader (`PT_INTERP`), sorted. What the table here does
/// not know is looked up in this machine's own dpkg database, if it is of the suite that the image is made of.
///
/// # Errors
/// When a library is in neither; all of those are named.
pub fn needed_packages(
    libraries: &[String],
    loader: Option<&str>,
    suite: Option<&str>,
) -> Result<Vec<String>, Diagnostic> {
    Ok(needed_in(Path::new("/"), libraries, loader, suite)?)
}

fn needed_in(
    root: &Path,
    libraries: &[String],
    loader: Option<&str>,
    suite: Option<&str>,
) -> Result<Vec<String>, Error> {
    let is_musl = loader.is_some_and(|loader| loader.contains("/ld-musl-"));
    let loader = loader.map(|loader| loader.rsplit('/').next().unwrap_or(loader).to_owned());
    let mut packages: BTreeSet<String> = BTreeSet::new();
    let mut unknown: Vec<String> = Vec::new();
    for name in loader.iter().chain(libraries) {
        let is_musls = name.starts_with("ld-musl-") || name.starts_with("libc.musl-") || name == "libc.so";
        if is_musl && is_musls {
            packages.insert("musl".to_owned());
        } else if let Ok(place) = KNOWN.binary_search_by(|(known, _)| (*known).cmp(name)) {
            packages.insert(KNOWN[place].1.to_owned());
        } else if !unknown.contains(name) {
            unknown.push(name.clone());
        }
    }
    if !unknown.is_empty() && suite.is_some_and(|suite| is_of_suite(root, suite)) {
        let found = installed(root, &unknown)?;
        unknown.retain(|name| !found.contains_key(name));
        packages.extend(found.into_values());
    }
    if unknown.is_empty() { Ok(packages.into_iter().collect()) } else { Err(Error::UnknownLibraries(unknown)) }
}

/// Whether this machine runs that release of Debian.
fn is_of_suite(root: &Path, suite: &str) -> bool {
    let text = files::read(&root.join("usr/lib/os-release")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let codename = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    codename.is_some_and(|codename| codename.trim_matches('"') == suite)
}

/// The packages of this machine that have files of these names in a folder of libraries: `PACKAGE[:ARCHITECTURE].list`.
fn installed(root: &Path, names: &[String]) -> Result<BTreeMap<String, String>, Error> {
    let mut found = BTreeMap::new();
    let folder = root.join("var/lib/dpkg/info");
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(found) };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "list")) {
        let package = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let package = package.split(':').next().unwrap_or_default().to_owned();
        let text = String::from_utf8_lossy(&files::read(&path)?).into_owned();
        for line in text.lines() {
            let Some((folder, name)) = line.rsplit_once('/') else { continue };
            // `/lib`, `/usr/lib` and the folder of an architecture below them; private folders are not searched.
            let below = folder.trim_start_matches("/usr").strip_prefix("/lib");
            let is_searched = below.is_some_and(|below| below.len() < 2 || below.contains("-linux-"));
            if is_searched && folder.split('/').count() <= 4 && names.iter().any(|wanted| wanted == name) {
                found.entry(name.to_owned()).or_insert_with(|| package.clone());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(KNOWN.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn knows_the_common_ones_and_asks_dpkg_for_the_rest() {
        let root = tempfile::tempdir().unwrap();
        let add = |path: &str, text: &str| {
            let path = root.path().join(path);
            files::create_directory(path.parent().unwrap(), 0o755).unwrap();
            files::write_atomic(&path, text.as_bytes(), 0o644).unwrap();
        };
        add("usr/lib/os-release", "ID=debian\nVERSION_CODENAME=bookworm\n");
        add("var/lib/dpkg/info/librare1:amd64.list", "/.\n/usr/lib/x86_64-linux-gnu/librare.so.1\n");
        add("var/lib/dpkg/info/private.list", "/usr/lib/private/x/y/librare.so.2\n/usr/share/librare.so.2\n");
        let loader = Some("/lib64/ld-linux-x86-64.so.2");
        let wanted = names(&["libc.so.6", "libgcc_s.so.1", "librare.so.1"]);
        let ask = |wanted: &[String], suite| needed_in(root.path(), wanted, loader, suite);
        assert_eq!(ask(&wanted, Some("bookworm")).unwrap(), ["libc6", "libgcc-s1", "librare1"]);
        let error = ask(&names(&["librare.so.2", "libnone.so.1"]), Some("bookworm")).unwrap_err();
        assert_eq!(error.to_string(), "no Debian package is known for `librare.so.2`, `libnone.so.1`");
        assert!(ask(&wanted, Some("trixie")).is_err() && ask(&wanted, None).is_err());
        let musl = needed_in(root.path(), &names(&["libc.so"]), Some("/lib/ld-musl-x86_64.so.1"), None);
        assert_eq!(musl.unwrap(), ["musl"]);
    }
}
