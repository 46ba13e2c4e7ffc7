//! `pulse backup` and `pulse restore`: copies of a data directory.

use super::Context;
use crate::exit::{Exit, Failure};
use crate::output::progress;
use crate::server::DEFAULT_DATA_DIR;
use backends::embedded::{self, BackupError, Progress};
use clap::Args;
use indicatif::ProgressBar;
use std::path::{Path, PathBuf};
use tokio::task::spawn_blocking;

/// Copy a data directory, also while a server works with it.
#[derive(Args, Clone, Debug)]
pub struct Backup {
    /// Where the copy goes: absent or empty
    target: PathBuf,
    /// What is copied [default: `PULSE_DATA_DIR` or ./pulse-data]
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
}

/// Make a data directory from a backup. What was acknowledged after the backup is not in it.
#[derive(Args, Clone, Debug)]
pub struct Restore {
    /// The backup
    backup: PathBuf,
    /// The data directory to be made: absent or empty [default: `PULSE_DATA_DIR` or ./pulse-data]
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
}

impl Backup {
    /// Copies, synced and verified.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let from = data_dir(self.data_dir, context);
        copy("copying", from, self.target, |from, to, bar| {
            embedded::backup(from, to, &mut |step| show(bar, step))
        })
        .await
    }
}

impl Restore {
    /// Copies back, and begins a branch of its own.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let to = data_dir(self.data_dir, context);
        copy("restoring", self.backup, to, |from, to, bar| {
            embedded::restore(from, to, &mut |step| show(bar, step))
        })
        .await
    }
}

fn data_dir(flag: Option<PathBuf>, context: &Context) -> PathBuf {
    flag.unwrap_or_else(|| context.environment.find("PULSE_DATA_DIR").unwrap_or(DEFAULT_DATA_DIR).into())
}

async fn copy(
    verb: &'static str,
    from: PathBuf,
    to: PathBuf,
    work: impl FnOnce(&Path, &Path, &ProgressBar) -> Result<(), BackupError> + Send + 'static,
) -> anyhow::Result<Exit> {
    let place = to.display().to_string();
    let copied = spawn_blocking(move || {
        let bar = progress(0, verb, "{bytes}/{total_bytes}");
        let copied = work(&from, &to, &bar);
        bar.finish_and_clear();
        copied
    });
    copied.await?.map_err(|error| failure(&error))?;
    eprintln!("{place} is complete and verified");
    Ok(Exit::Done)
}

fn show(bar: &ProgressBar, step: Progress) {
    bar.set_length(step.bytes_total);
    bar.set_position(step.bytes);
}

/// Directories that are not as they must be were named wrongly; all else is a failure.
fn failure(error: &BackupError) -> Failure {
    let exit = match error {
        BackupError::NoData(_) | BackupError::NotEmpty(_) => Exit::Usage,
        BackupError::Open(_) | BackupError::Failed { .. } => Exit::Failed,
    };
    Failure { exit, message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::output::Format;
    use crate::server::ServerFlags;

    #[test]
    fn the_data_directory_is_the_flags_or_the_environments() {
        let environment = Environment::from([("PULSE_DATA_DIR", "/from/environment")]);
        let context = Context { format: Format::Table, server: ServerFlags::default(), environment };
        assert_eq!(data_dir(Some("/from/flag".into()), &context), Path::new("/from/flag"));
        assert_eq!(data_dir(None, &context), Path::new("/from/environment"));
        let bare = Context { environment: Environment::default(), ..context };
        assert_eq!(data_dir(None, &bare), Path::new(DEFAULT_DATA_DIR));
    }

    #[test]
    fn a_wrong_directory_is_the_callers_fault_and_a_full_disk_is_not() {
        assert_eq!(failure(&BackupError::NoData("/x".into())).exit, Exit::Usage);
        assert_eq!(failure(&BackupError::NotEmpty("/x".into())).exit, Exit::Usage);
        let full = BackupError::Failed { file: "log.db", detail: "disk is full".to_owned() };
        assert_eq!(failure(&full).exit, Exit::Failed);
    }
}
