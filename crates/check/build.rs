//! Links the C libraries statically where their archives are there, so that the helper needs nothing but libc.
//!
//! The build scripts of the crates that bind them ask the linker for `-lxml2`, `-lssl` and so on. A linker takes the
//! first library of that name on its search path, so a folder that holds archives alone, named before the system's
//! folders, decides. `SEAWORTHY_CHECK_DYNAMIC=1` turns that off.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io, os};

/// Library by library: who is asked for, and what libxml2 needs on top.
const ARCHIVES: [&str; 5] = ["xml2", "ssl", "crypto", "lzma", "z"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SEAWORTHY_CHECK_DYNAMIC");
    if env::var_os("SEAWORTHY_CHECK_DYNAMIC").is_some() || env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    if let Err(error) = link_statically() {
        println!("cargo::warning=the C libraries are linked dynamically: {error}");
    }
}

fn link_statically() -> io::Result<()> {
    let triple = format!("{}-linux-gnu", env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default());
    let found = ARCHIVES.map(|name| archive(&triple, name));
    let folder = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("archives");
    fs::create_dir_all(&folder)?;
    let mut encodings = String::new();
    for (name, path) in ARCHIVES.iter().zip(found) {
        let path = path?;
        if *name == "xml2" {
            encodings = stand_in(&fs::read(&path)?);
        }
        let link = folder.join(format!("lib{name}.a"));
        let _ = fs::remove_file(&link);
        os::unix::fs::symlink(path, link)?;
    }
    let source = folder.join("encodings.c");
    fs::File::create(&source)?.write_all(encodings.as_bytes())?;
    cc::Build::new()
        .file(&source)
        .out_dir(&folder)
        .cargo_metadata(false)
        .try_compile("encodings")
        .map_err(io::Error::other)?;
    println!("cargo::rustc-link-search=native={}", folder.display());
    for library in ["xml2", "encodings", "lzma", "z", "m"] {
        println!("cargo::rustc-link-arg=-l{library}");
    }
    Ok(())
}

/// Debian's libxml2 converts encodings by the C library's `iconv` and asks ICU, 35 MB of it, for those that `iconv`
/// does not know. Hurl gives it UTF-8 alone. These functions answer instead of ICU: there is no such encoding.
fn stand_in(libxml2: &[u8]) -> String {
    let Some(version) = icu_version(libxml2) else { return String::new() };
    let never_called = [
        "ucnv_close",
        "ucnv_convertEx",
        "ucnv_setFromUCallBack",
        "ucnv_setToUCallBack",
        "UCNV_FROM_U_CALLBACK_STOP",
        "UCNV_TO_U_CALLBACK_STOP",
    ];
    let mut text = format!("void *ucnv_open_{version}(const char *name, int *status) {{\n");
    text += "    (void)name;\n    *status = 4; /* U_FILE_ACCESS_ERROR */\n    return 0;\n}\n";
    for name in never_called {
        text += &format!("void {name}_{version}(void) {{}}\n");
    }
    text
}

/// ICU's functions carry its version in their names.
fn icu_version(libxml2: &[u8]) -> Option<String> {
    let prefix = b"ucnv_open_";
    let start = libxml2.windows(prefix.len()).position(|window| window == prefix)? + prefix.len();
    let digits = libxml2[start..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.map(|digit| char::from(*digit)).collect())
}

/// The archive of a library, where Debian and where others put it.
fn archive(triple: &str, name: &str) -> io::Result<PathBuf> {
    let folders = [format!("/usr/lib/{triple}"), "/usr/lib64".to_owned(), "/usr/lib".to_owned()];
    let mut paths = folders.iter().map(|folder| Path::new(folder).join(format!("lib{name}.a")));
    paths.find(|path| path.is_file()).ok_or_else(|| io::Error::other(format!("no lib{name}.a")))
}
