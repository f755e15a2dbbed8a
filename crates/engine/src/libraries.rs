//! The shared libraries that a program asks its loader for (ELF-64 object file format, "Dynamic Section").

use crate::elf;
use crate::place::Place;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
/// How much of a dynamic section is read, and of a name.
const SECTION_BYTES_MAX: u64 = 64 * 1024;
const NAME_BYTES_MAX: usize = 4096;
/// The size of a program header.
const HEADER_BYTES: u64 = 56;

/// What a program asks for, and where it says that it may be.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    names: Vec<String>,
    folders: Vec<String>,
}

/// The libraries of a program that are nowhere in the image. What cannot be read is left to the loader.
pub(crate) fn missing(program: &Path, outside: &Path, place: Place<'_>) -> Vec<String> {
    let wanted = File::open(outside).ok().and_then(|file| wanted(&file)).unwrap_or_default();
    let origin = program.parent().unwrap_or(Path::new("/")).display().to_string();
    let own = wanted.folders.iter().flat_map(|folders| folders.split(':'));
    let own = own.map(|folder| PathBuf::from(folder.replace("$ORIGIN", &origin).replace("${ORIGIN}", &origin)));
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    let usual = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from);
    let multiarch = ["/lib", "/usr/lib", "/usr/local/lib"].map(|folder| Path::new(folder).join(&triplet));
    let folders: Vec<PathBuf> = own.chain(usual).chain(multiarch).collect();
    let is_missing = |name: &String| {
        let at = |folder: &PathBuf| place.has_file(&folder.join(name));
        !name.contains('/') && !folders.iter().any(at)
    };
    wanted.names.into_iter().filter(is_missing).collect()
}

/// `None`: nothing, or nothing that is understood.
fn wanted(file: &File) -> Option<Wanted> {
    let head = read(file, 0, 64)?;
    if head.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (start, count) = (elf::long(&head, 32)?, u64::from(elf::short(&head, 56)?));
    let headers = read(file, start, count.checked_mul(HEADER_BYTES)?)?;
    let headers: Vec<&[u8]> = headers.chunks_exact(56).collect();
    let of_kind = |kind: u32| headers.iter().filter(move |header| elf::word(header, 0) == Some(kind));
    let section = of_kind(PT_DYNAMIC).next()?;
    let section = read(file, elf::long(section, 8)?, elf::long(section, 32)?)?;
    let entries: Vec<(u64, u64)> = section
        .chunks_exact(16)
        .map_while(|entry| Some((elf::long(entry, 0)?, elf::long(entry, 8)?)))
        .take_while(|(tag, _)| *tag != 0)
        .collect();
    let table = entries.iter().find(|(tag, _)| *tag == DT_STRTAB)?.1;
    // An address once it is loaded: the segment that holds it says where that is in the file.
    let offset = of_kind(PT_LOAD).find_map(|segment| {
        let (from, at, length) = (elf::long(segment, 8)?, elf::long(segment, 16)?, elf::long(segment, 32)?);
        let within = table.checked_sub(at).filter(|within| *within < length)?;
        from.checked_add(within)
    })?;
    let text = |at: u64| name(file, offset.checked_add(at)?);
    let all = |wanted: &[u64]| -> Vec<String> {
        entries.iter().filter(|(tag, _)| wanted.contains(tag)).filter_map(|(_, at)| text(*at)).collect()
    };
    Some(Wanted { names: all(&[DT_NEEDED]), folders: all(&[DT_RPATH, DT_RUNPATH]) })
}

fn read(file: &File, at: u64, length: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length.min(SECTION_BYTES_MAX)).ok()?];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(bytes)
}

fn name(file: &File, at: u64) -> Option<String> {
    let mut bytes = vec![0; NAME_BYTES_MAX];
    let length = file.read_at(&mut bytes, at).ok()?;
    let end = bytes.get(..length)?.iter().position(|byte| *byte == 0)?;
    Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::layers::Layers;
    use crate::place::Inside;
    use proptest::prelude::*;
    use seaworthy_host::files;

    #[test]
    fn what_a_program_asks_for_is_found_or_named() {
        let shell = Path::new("/bin/sh");
        let wanted = wanted(&File::open(shell).unwrap()).unwrap();
        assert!(wanted.names.iter().any(|name| name.starts_with("libc.so")), "{wanted:?}");
        assert!(missing(shell, shell, Place::Machine(Path::new("/"))).is_empty());
        let empty = tempfile::tempdir().unwrap();
        let layers = [empty.path().to_owned()];
        assert_eq!(missing(shell, shell, Place::Image(Inside::ours(Layers(&layers)))), wanted.names);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(change in prop::collection::vec((0_usize..4096, any::<u8>()), 0..20)) {
            let directory = tempfile::tempdir().unwrap();
            let mut bytes = std::fs::read("/bin/sh").unwrap();
            change.iter().for_each(|(at, byte)| bytes[*at] = *byte);
            let path = directory.path().join("program");
            files::write_volatile(&path, &bytes, 0o600).unwrap();
            let _ = wanted(&File::open(&path).unwrap());
        }
    }
}
