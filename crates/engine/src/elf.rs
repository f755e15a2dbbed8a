//! As much of an ELF file as tells whether this machine can run it (elf(5)).

/// What an ELF file needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Elf {
    /// `e_machine`.
    pub(crate) machine: u16,
    /// The loader (`PT_INTERP`); none in a static program.
    pub(crate) loader: Option<String>,
}

/// The number of this machine's architecture, and how it is called.
pub(crate) fn this_machine() -> Option<u16> {
    MACHINES.iter().find(|(_, name)| *name == std::env::consts::ARCH).map(|(number, _)| *number)
}

/// The architecture's name, as far as it is known.
pub(crate) fn machine_name(number: u16) -> String {
    let known = MACHINES.iter().find(|(candidate, _)| *candidate == number);
    known.map_or_else(|| format!("machine type {number}"), |(_, name)| (*name).to_owned())
}

const MACHINES: [(u16, &str); 6] =
    [(3, "x86"), (40, "arm"), (62, "x86_64"), (183, "aarch64"), (243, "riscv64"), (21, "powerpc64")];

const PT_INTERP: u32 = 3;

/// Reads the beginning of a file; `None` when it is no ELF file, or one of a byte order that no machine of ours has.
pub(crate) fn parse(bytes: &[u8]) -> Option<Elf> {
    if bytes.get(..4)? != b"\x7fELF" || *bytes.get(5)? != 1 {
        return None;
    }
    let wide = *bytes.get(4)? == 2;
    let (offset_at, size_at, count_at) = if wide { (32, 54, 56) } else { (28, 42, 44) };
    let offset = if wide { long(bytes, offset_at)? } else { u64::from(word(bytes, offset_at)?) };
    let (size, count) = (usize::from(short(bytes, size_at)?), usize::from(short(bytes, count_at)?));
    let start = usize::try_from(offset).ok()?;
    let headers = (0..count).map_while(|index| bytes.get(start + index * size..));
    let loader = headers.filter(|header| word(header, 0) == Some(PT_INTERP)).find_map(|header| {
        let place = if wide { long(header, 8)? } else { u64::from(word(header, 4)?) };
        let length = if wide { long(header, 32)? } else { u64::from(word(header, 16)?) };
        let place = usize::try_from(place).ok()?;
        let text = bytes.get(place..place.checked_add(usize::try_from(length).ok()?)?)?;
        Some(String::from_utf8_lossy(text).trim_end_matches('\0').to_owned())
    });
    Some(Elf { machine: short(bytes, 18)?, loader })
}

pub(crate) fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

pub(crate) fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn reads_this_machines_own_programs() {
        let elf = parse(&std::fs::read("/bin/sh").unwrap()).unwrap();
        assert_eq!(Some(elf.machine), this_machine());
        assert!(elf.loader.unwrap().contains("ld-linux"));
        assert_eq!(parse(b"#!/bin/sh\n"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 6..200)) {
            bytes[..4].copy_from_slice(b"\x7fELF");
            bytes[4] = 1 + bytes[4] % 2;
            bytes[5] = 1;
            let _ = parse(&bytes);
        }
    }
}
