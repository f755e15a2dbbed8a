//! What a program needs to be loaded (elf(5)): its loader and its libraries.

use object::elf::{DT_NEEDED, DT_STRSZ, DT_STRTAB, FileHeader32, FileHeader64, PT_DYNAMIC, PT_INTERP};
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use object::{Endianness, StringTable};

/// Libraries that one file may name.
const NEEDED_MAX: usize = 1_000;

/// What an ELF file needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The loader (`PT_INTERP`); none in a static program and in a library.
    pub loader: Option<String>,
    /// The libraries (`DT_NEEDED`), in their order.
    pub libraries: Vec<String>,
}

/// Reads a whole file; `None` when it is no ELF file that can be understood.
#[must_use]
pub fn needs(bytes: &[u8]) -> Option<Needs> {
    if bytes.get(..4)? != b"\x7fELF" {
        return None;
    }
    match bytes.get(4)? {
        1 => read::<FileHeader32<Endianness>>(bytes),
        2 => read::<FileHeader64<Endianness>>(bytes),
        _ => None,
    }
}

fn read<Header: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Option<Needs> {
    let header = Header::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, bytes).ok()?;
    let mut needs = Needs::default();
    for segment in segments {
        if segment.p_type(endian) == PT_INTERP {
            let text = segment.data(endian, bytes).ok()?;
            needs.loader = Some(String::from_utf8_lossy(text).trim_end_matches('\0').to_owned());
        }
        if segment.p_type(endian) != PT_DYNAMIC {
            continue;
        }
        let entries = segment.dynamic(endian, bytes).ok()??;
        let value = |tag| entries.iter().find(|entry| entry.tag(endian) == tag).map(|entry| entry.d_val(endian).into());
        let Some(names) = value(DT_STRTAB).zip(value(DT_STRSZ)) else { continue };
        let text = segments.iter().find_map(|s| s.data_range(endian, bytes, names.0, names.1).ok().flatten())?;
        let strings = StringTable::new(text, 0, text.len() as u64);
        for entry in entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED).take(NEEDED_MAX) {
            let name = entry.string(endian, strings).ok()?;
            needs.libraries.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Some(needs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn reads_this_very_program() {
        let needs = needs(&std::fs::read("/proc/self/exe").unwrap()).unwrap();
        assert!(needs.loader.unwrap().contains("ld-"));
        assert!(needs.libraries.iter().any(|library| library.starts_with("libc.")), "{:?}", needs.libraries);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 6..300)) {
            bytes[..4].copy_from_slice(b"\x7fELF");
            bytes[4] = 1 + bytes[4] % 2;
            let _ = needs(&bytes);
        }
    }
}
