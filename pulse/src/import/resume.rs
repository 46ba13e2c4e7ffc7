//! Where an import that was interrupted goes on: a small file beside the input, there while an import is under way.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::{fs, io};

/// What is imported how and where to: only the same import goes on where it stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// SHA-256 of the decompressed file, in hexadecimal.
    pub file: String,
    /// SHA-256 of everything that makes pulses of its rows, in hexadecimal.
    pub mapping: String,
    /// The log it goes to.
    pub log: String,
}

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    #[serde(flatten)]
    import: Import,
    /// The last row up to which everything is acknowledged.
    rows: u64,
}

/// The file of one import.
#[derive(Clone, Debug)]
pub struct Resume {
    path: PathBuf,
    import: Import,
    rows: u64,
}

impl Resume {
    /// The import's file, which may not be there.
    pub fn new(path: PathBuf, import: Import) -> Self {
        Self { path, import, rows: 0 }
    }

    /// The row after which this import goes on: 0 where none was interrupted, or another one. A file that cannot be
    /// read says nothing: sending a row again counts nothing twice.
    pub fn find_rows(&self) -> u64 {
        let note = fs::read(&self.path).ok().and_then(|text| serde_json::from_slice::<Note>(&text).ok());
        note.filter(|note| note.import == self.import).map_or(0, |note| note.rows)
    }

    /// Notes that everything up to that row is acknowledged; whole: it is written beside and renamed.
    pub fn note(&mut self, rows: u64) -> anyhow::Result<()> {
        if rows <= self.rows {
            return Ok(());
        }
        let text = serde_json::to_string(&Note { import: self.import.clone(), rows })?;
        let mut beside = self.path.clone().into_os_string();
        beside.push(".tmp");
        let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, &self.path));
        written.with_context(|| format!("writing {}", self.path.display()))?;
        self.rows = rows;
        Ok(())
    }

    /// Takes the file away: there is nothing to go on with.
    pub fn finish(&self) -> anyhow::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn import() -> Import {
        Import { file: "f1".to_owned(), mapping: "m1".to_owned(), log: "l1".to_owned() }
    }

    fn resume(home: &TempDir, import: Import) -> Resume {
        Resume::new(home.path().join("usage.csv.progress.json"), import)
    }

    #[test]
    fn the_same_import_goes_on_after_the_row_that_was_noted_last() {
        let home = tempfile::tempdir().unwrap();
        let mut first = resume(&home, import());
        assert_eq!(first.find_rows(), 0, "nothing was begun");
        first.note(1_000).unwrap();
        first.note(2_500).unwrap();
        assert_eq!(resume(&home, import()).find_rows(), 2_500);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn digits_keep_their_leading_zeros() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }

    #[test]
    fn it_never_goes_back() {
        let home = tempfile::tempdir().unwrap();
        let mut resume = resume(&home, import());
        resume.note(7).unwrap();
        resume.note(3).unwrap();
        assert_eq!(resume.find_rows(), 7);
    }

    #[test]
    fn another_file_mapping_or_log_begins_at_the_start() {
        let home = tempfile::tempdir().unwrap();
        resume(&home, import()).note(9).unwrap();
        for other in [
            Import { file: "f2".to_owned(), ..import() },
            Import { mapping: "m2".to_owned(), ..import() },
            Import { log: "l2".to_owned(), ..import() },
        ] {
            assert_eq!(resume(&home, other.clone()).find_rows(), 0, "{other:?}");
        }
    }

    #[test]
    fn a_finished_import_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let mut resume = resume(&home, import());
        resume.note(9).unwrap();
        resume.finish().unwrap();
        assert!(!resume.path.exists());
        assert_eq!(resume.find_rows(), 0);
        resume.finish().unwrap();
    }

    #[test]
    fn a_file_that_says_nothing_is_no_obstacle() {
        let home = tempfile::tempdir().unwrap();
        let resume = resume(&home, import());
        for text in [
            "",
            "{}",
            "{\"rows\": 5}",
            "[]",
            "{\"file\":\"f1\",\"mapping\":\"m1\",\"log\":\"l1\",\"rows\":-1}",
        ] {
            fs::write(&resume.path, text).unwrap();
            assert_eq!(resume.find_rows(), 0, "{text}");
        }
    }

    #[test]
    fn a_directory_that_takes_no_file_is_named() {
        let home = tempfile::tempdir().unwrap();
        let mut resume = Resume::new(home.path().join("gone/usage.csv.progress.json"), import());
        let error = format!("{:#}", resume.note(1).unwrap_err());
        assert!(error.starts_with("writing ") && error.contains("usage.csv.progress.json"), "{error}");
    }
}
