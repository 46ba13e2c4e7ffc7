//! The right to remove records of a log that were consumed: one trimmer has it, or any number of backups keep it from
//! him. It goes with the process, however that ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

const FILE: &str = "trim.lock";

/// Keeps everybody from trimming until it is dropped; waits for a step that is under way.
pub fn hold(directory: &Path) -> io::Result<File> {
    let file = open(directory)?;
    file.lock_shared()?;
    Ok(file)
}

/// The right to trim until it is dropped. `None`: a backup is being taken.
pub fn try_take(directory: &Path) -> io::Result<Option<File>> {
    let file = open(directory)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn open(directory: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(false).open(directory.join(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_do_not_keep_each_other_out_but_the_trimmer() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = (hold(directory.path()).unwrap(), hold(directory.path()).unwrap());
        assert!(try_take(directory.path()).unwrap().is_none());
        drop(one);
        assert!(try_take(directory.path()).unwrap().is_none(), "the other is still under way");
        drop(other);
        let trimming = try_take(directory.path()).unwrap();
        assert!(trimming.is_some());
        assert!(try_take(directory.path()).unwrap().is_none(), "one trimmer at a time");
    }

    #[test]
    fn a_directory_that_is_gone_is_an_error() {
        let gone = Path::new("/nowhere/at/all");
        assert!(hold(gone).is_err() && try_take(gone).is_err());
    }
}
