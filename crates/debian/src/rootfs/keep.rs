//! What of a package belongs in an image.

use super::Options;

const DOCUMENTATION: &[&str] = &[
    "usr/share/doc/",
    "usr/share/doc-base/",
    "usr/share/man/",
    "usr/share/info/",
    "usr/share/groff/",
    "usr/share/gtk-doc/",
    "usr/share/linda/",
    "usr/share/lintian/",
    "usr/share/bug/",
    "usr/share/omf/",
    "usr/share/gnome/help/",
];

const LOCALES: &str = "usr/share/locale/";

/// Whether a path stays. Of `/usr/share/doc`, copyright files always do, and so do the links that stand for a whole
/// folder of it: they lead to another package's copyright.
pub(super) fn keeps(path: &str, is_link: bool, options: &Options) -> bool {
    let is_in = |folder: &str| path.starts_with(folder) || path == folder.trim_end_matches('/');
    if let Some(rest) = path.strip_prefix("usr/share/doc/") {
        let is_copyright = rest.split('/').count() == 2 && rest.ends_with("/copyright");
        let is_folder_link = is_link && !rest.contains('/');
        return options.documentation || is_copyright || is_folder_link;
    }
    (options.documentation || !DOCUMENTATION.iter().any(|folder| is_in(folder))) && (options.locales || !is_in(LOCALES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copyright_stays_and_documentation_goes() {
        let least = Options::default();
        let kept = |path: &str, is_link| keeps(path, is_link, &least);
        assert!(kept("usr/bin/python3", false) && kept("usr/share/doc/a/copyright", false));
        assert!(kept("usr/share/doc/libstdc++6", true) && !kept("usr/share/doc/a", false));
        assert!(!kept("usr/share/doc/a/examples/copyright", false) && !kept("usr/share/man/man1/x.1.gz", false));
        assert!(!kept("usr/share/locale/de/LC_MESSAGES/x.mo", false) && !kept("usr/share/man", false));
        assert!(kept("usr/lib/locale/C.utf8/LC_CTYPE", false) && kept("usr/share/manual", false));
        let all = Options { documentation: true, locales: true, ..Options::default() };
        assert!(keeps("usr/share/man/man1/x.1.gz", false, &all) && keeps("usr/share/locale", false, &all));
    }
}
