//! The key's file is read again while the process runs, so that a key is replaced without a restart.

use super::read;
use rest::page::PageKey;
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(5);

/// Replaces the key by what its file holds, where it is in one. A file that holds none changes nothing, and is told
/// about once.
pub async fn reread(file: Option<PathBuf>, key: PageKey) {
    let Some(file) = file else { return };
    let mut was_read = true;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let path = file.clone();
        match spawn_blocking(move || read(&path)).await {
            Ok(Ok(found)) => {
                key.replace(found);
                was_read = true;
            }
            Ok(Err(error)) if was_read => {
                let path = file.display();
                tracing::warn!(%path, %error, "the page token key cannot be read again; the one before is kept");
                was_read = false;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::pin::pin;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn what_the_file_holds_signs_from_the_next_look_on() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        let key = PageKey::new([1; 16]);
        let signed_by =
            |byte: u8| key.sign("/v1/usage?", "x") == PageKey::new([byte; 16]).sign("/v1/usage?", "x");
        let mut following = pin!(reread(Some(file.clone()), key.clone()));
        for (text, expected) in [
            (Some("02".repeat(16)), 2),
            (None, 2),
            (Some("no key".to_owned()), 2),
            (Some(format!("{}\n", "03".repeat(16))), 3),
        ] {
            match &text {
                Some(text) => fs::write(&file, text).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            timeout(INTERVAL * 2, following.as_mut()).await.unwrap_err();
            assert!(signed_by(expected), "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_key_that_is_in_no_file_is_not_looked_for() {
        reread(None, PageKey::new([1; 16])).await;
    }
}
