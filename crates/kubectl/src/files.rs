//! Files, as far as command lines speak of them. Nothing here opens one.

use std::collections::BTreeMap;

/// Where `-f` looks.
///
/// The caller decides what a path is; [`BTreeMap`] holds files in memory. The path `-` is standard input.
pub trait Files {
    /// The text of a file, if there is one.
    fn read(&self, path: &str) -> Option<String>;

    /// The files of a folder, in order of their names, or nothing if there is no such folder.
    ///
    /// With `recursive` those of the folders within it, too.
    fn list(&self, folder: &str, recursive: bool) -> Option<Vec<String>>;
}

/// Files in memory; a folder is what their paths begin with.
impl Files for BTreeMap<String, String> {
    fn read(&self, path: &str) -> Option<String> {
        self.get(path.strip_prefix("./").unwrap_or(path)).cloned()
    }

    fn list(&self, folder: &str, recursive: bool) -> Option<Vec<String>> {
        let plain = folder.strip_prefix("./").unwrap_or(folder).trim_end_matches('/');
        let inside = |path: &str| match plain {
            "" | "." => Some(path.to_owned()),
            plain => path.strip_prefix(plain)?.strip_prefix('/').map(str::to_owned),
        };
        let within: Vec<(&String, String)> =
            self.keys().filter(|path| *path != "-").filter_map(|path| Some((path, inside(path)?))).collect();
        if within.is_empty() {
            return None;
        }
        let wanted = within.into_iter().filter(|(_, rest)| recursive || !rest.contains('/'));
        Some(wanted.map(|(path, _)| path.clone()).collect())
    }
}

/// No files at all.
impl Files for () {
    fn read(&self, _path: &str) -> Option<String> {
        None
    }

    fn list(&self, _folder: &str, _recursive: bool) -> Option<Vec<String>> {
        None
    }
}
