//! How large an image may be: whoever made it may mean harm.

/// Limits of unpacking and reading layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries of one layer.
    pub entries_max: u64,
    /// Bytes of one layer, unpacked.
    pub layer_bytes_max: u64,
    /// Bytes of one path or link.
    pub path_bytes_max: u64,
    /// How many times its compressed size a layer may have unpacked, past [`Self::RATIO_FROM_BYTES`].
    pub ratio_max: u64,
}

impl Limits {
    /// What every layer may have, however well it is compressed.
    pub const RATIO_FROM_BYTES: u64 = 64 << 20;

    /// The bytes that a layer of this compressed size may have unpacked.
    #[must_use]
    pub(crate) fn unpacked_bytes_max(&self, size_bytes: u64) -> u64 {
        let by_ratio = size_bytes.saturating_mul(self.ratio_max).max(Self::RATIO_FROM_BYTES);
        self.layer_bytes_max.min(by_ratio)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries_max: 500_000, layer_bytes_max: 16 << 30, path_bytes_max: 4096, ratio_max: 200 }
    }
}

/// Bytes of a manifest, an index or a configuration (registries refuse more than 4 MiB, too).
pub const DOCUMENT_BYTES_MAX: u64 = 4 << 20;
/// Layers of one image.
pub const LAYERS_MAX: usize = 500;
/// Images of one index.
pub const IMAGES_MAX: usize = 1000;
