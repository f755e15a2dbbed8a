//! Where a test stands, seen from the manifest's folder.

use seaworthy_model::verdict::TestCase;

/// Makes the files of cases relative to the manifest's folder. `roots` are the absolute paths of that folder, as it is
/// and as the tests saw it, `folder` the service's folder below it (`.` for the same). A file outside of it is nobody's
/// to open, so it is left out.
pub fn relocate(cases: &mut [TestCase], roots: &[&str], folder: &str) {
    for case in cases {
        let Some(file) = case.file.take() else { continue };
        let file = file.replace('\\', "/");
        let from_root = match file.strip_prefix('/') {
            Some(_) => roots.iter().find_map(|root| file.strip_prefix(root.trim_end_matches('/'))?.strip_prefix('/')),
            None => Some(file.as_str()),
        };
        let below = if file.starts_with('/') { "." } else { folder };
        case.file = from_root.and_then(|file| normal(&format!("{below}/{file}")));
        if case.file.is_none() {
            case.line = None;
        }
    }
}

/// Without `.` and `..`; `None` where it leads out.
fn normal(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_seen_from_the_manifest() {
        let seen = |file: &str| {
            let mut cases = [TestCase { file: Some(file.to_owned()), line: Some(3), ..TestCase::default() }];
            relocate(&mut cases, &["/home/x", "/build/x/"], "services/web");
            assert_eq!(cases[0].file.is_some(), cases[0].line.is_some());
            cases[0].file.clone()
        };
        assert_eq!(seen("test/a.py").as_deref(), Some("services/web/test/a.py"));
        assert_eq!(seen("./a\\b.cs").as_deref(), Some("services/web/a/b.cs"));
        assert_eq!(seen("../shared/a.py").as_deref(), Some("services/shared/a.py"));
        assert_eq!(seen("/build/x/services/web/a.py").as_deref(), Some("services/web/a.py"));
        for outside in ["/usr/lib/python3/unittest.py", "/build/xy/a.py", "../../../etc/passwd", "../.."] {
            assert_eq!(seen(outside), None, "{outside}");
        }
    }
}
