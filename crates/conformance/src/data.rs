//! Where recorded answers lie: a directory of suites, plain or compressed file by file.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Recorded data that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The directory is not there or cannot be listed.
    #[error("no recorded data in {}: {cause}", path.display())]
    NoDirectory {
        /// Which directory.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A suite was asked for that the data do not hold.
    #[error("no suite {suite} in {}", path.display())]
    NoSuite {
        /// Name of the suite.
        suite: String,
        /// Which directory was searched.
        path: PathBuf,
    },
    /// A file cannot be read or decompressed.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} is not recorded data: {why}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// A directory of recorded answers.
#[derive(Clone, Debug)]
pub struct Data {
    root: PathBuf,
}

/// One recorded file, read.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// File name without folder and endings.
    pub stem: String,
    /// Where it was read, for messages.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl Recorded {
    /// The content as JSON.
    ///
    /// # Errors
    /// [`DataError::Malformed`] if it is none.
    pub fn json(&self) -> Result<Value, DataError> {
        serde_json::from_str(&self.text).map_err(|error| self.malformed(&error))
    }

    /// The error that says what is wrong with this file.
    pub fn malformed(&self, why: &impl ToString) -> DataError {
        DataError::Malformed { path: self.path.clone(), why: why.to_string() }
    }
}

/// Suites that are a folder of files rather than one file of cases, with the ending of their files.
const FOLDERS: [(&str, &str); 2] = [("kubectl", "txt"), ("traces", "json")];

/// Largest decompressed size of a file that is believed: far above any recorded one.
const LARGEST_FILE: u64 = 1 << 30;

impl Data {
    /// Data in a directory.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The project's own compressed copy, beside the sources of this crate.
    #[must_use]
    pub fn of_this_project() -> Self {
        Self::at(Path::new(env!("CARGO_MANIFEST_DIR")).join("data"))
    }

    /// Names of the suites, in order.
    ///
    /// # Errors
    /// [`DataError::NoDirectory`] if the directory cannot be listed.
    pub fn suites(&self) -> Result<Vec<String>, DataError> {
        let mut names: BTreeSet<String> = self.stems(&self.root, "json")?.into_keys().collect();
        names.extend(
            FOLDERS.iter().filter(|(name, _)| self.root.join(name).is_dir()).map(|(name, _)| (*name).to_owned()),
        );
        Ok(names.into_iter().collect())
    }

    /// The files of a suite, in order of their names: one, unless the suite is a folder.
    ///
    /// # Errors
    /// If there is no such suite, or a file of it cannot be read.
    pub fn files(&self, suite: &str) -> Result<Vec<Recorded>, DataError> {
        let no_suite = || DataError::NoSuite { suite: suite.to_owned(), path: self.root.clone() };
        if let Some((name, ending)) = FOLDERS.iter().find(|(name, _)| *name == suite) {
            let folder = self.root.join(name);
            if !folder.is_dir() {
                return Err(no_suite());
            }
            return self.stems(&folder, ending)?.into_iter().map(|(stem, path)| read(stem, path)).collect();
        }
        let (stem, path) = self.stems(&self.root, "json")?.remove_entry(suite).ok_or_else(no_suite)?;
        Ok(vec![read(stem, path)?])
    }

    /// Files of a folder by stem. A plain file wins over a compressed one of the same name.
    fn stems(&self, folder: &Path, ending: &str) -> Result<BTreeMap<String, PathBuf>, DataError> {
        let failed = |cause| DataError::NoDirectory { path: folder.to_owned(), cause };
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let (plain, compressed) = match name.strip_suffix(".zst") {
                Some(plain) => (plain, true),
                None => (name, false),
            };
            let Some(stem) = plain.strip_suffix(ending).and_then(|rest| rest.strip_suffix('.')) else { continue };
            if !compressed || !found.contains_key(stem) {
                found.insert(stem.to_owned(), path);
            }
        }
        Ok(found)
    }
}

fn read(stem: String, path: PathBuf) -> Result<Recorded, DataError> {
    match text_of(&path) {
        Ok(text) => Ok(Recorded { stem, path, text }),
        Err(cause) => Err(DataError::Unreadable { path, cause }),
    }
}

fn text_of(path: &Path) -> std::io::Result<String> {
    let file = std::fs::File::open(path)?;
    let mut text = String::new();
    if path.extension().is_some_and(|ending| ending == "zst") {
        zstd::Decoder::new(file)?.take(LARGEST_FILE).read_to_string(&mut text)?;
    } else {
        file.take(LARGEST_FILE).read_to_string(&mut text)?;
    }
    Ok(text)
}
