//! Debian packages: a signed archive in, the entries of a root filesystem out, without apt, dpkg or root.
