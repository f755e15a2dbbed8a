//! The entries of a root filesystem, before they are a layer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Entries by path: relative to the root, `/` between the parts, no `.` or `..`, no `/` at either end; sorted by bytes.
/// Owner and group are always root, the time is always the image's: they are not part of an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// The entries. A folder need not be listed for what lies in it to be there: it is 0755 then.
    pub entries: BTreeMap<String, Entry>,
}

/// One entry of a [`Tree`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A folder.
    Directory {
        /// Permission bits, the sticky bit included.
        mode: u32,
    },
    /// A regular file.
    File {
        /// Permission bits; set-user-id and set-group-id never.
        mode: u32,
        /// Its bytes.
        content: Content,
    },
    /// A symbolic link.
    Link {
        /// Where it points, as it is written.
        to: String,
    },
}

/// The bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Here.
    Bytes(Arc<[u8]>),
    /// In a file of this machine, which must not change until the layer is written.
    Path(PathBuf),
}
