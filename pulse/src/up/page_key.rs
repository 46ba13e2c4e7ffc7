//! The key that signs page tokens: configured, or made at random once per data directory.

mod reread;

pub use reread::reread;

use super::backends::random;
use crate::config::{Config, Secret};
use crate::exit::Failure;
use anyhow::Context;
use domain::generation::Generation;
use domain::hash::HashKey;
use rest::page::PageKey;
use sha2::{Digest, Sha256};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const FILE: &str = "page-token.key";
/// Tells this use of the house's key from any other.
const LABEL: &[u8] = b"pulse page tokens";

/// Finds the key. An unconfigured one follows from the house's where there are replicas, and without a data directory
/// lives as long as the process.
pub fn find(config: &Config, data_dir: Option<&Path>, house: &Generation) -> anyhow::Result<PageKey> {
    let key = match (&config.page_token_key, &config.page_token_key_file, data_dir) {
        (Some(secret), _, _) => parse(secret.reveal(), "page_token_key")?,
        (None, Some(path), _) => read(path)?,
        (None, None, Some(directory)) => of_directory(&directory.join(FILE))?,
        (None, None, None) if config.is_on_engines() => of_house(&house.hash_key),
        (None, None, None) => random()?,
    };
    Ok(PageKey::new(key))
}

/// The same in every process that follows the same catalogue.
fn of_house(hash_key: &HashKey) -> HashKey {
    let digest = Sha256::new().chain_update(LABEL).chain_update(hash_key).finalize();
    std::array::from_fn(|index| digest[index])
}

fn of_directory(path: &Path) -> anyhow::Result<HashKey> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return read(path),
        opened => opened.with_context(|| format!("making {}", path.display()))?,
    };
    let key = random()?;
    writeln!(file, "{:032x}", u128::from_be_bytes(key))
        .and_then(|()| file.sync_all())
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(key)
}

fn read(path: &Path) -> anyhow::Result<HashKey> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let secret = Secret::from(text.trim().to_owned());
    Ok(parse(secret.reveal(), &path.display().to_string())?)
}

fn parse(text: &str, place: &str) -> Result<HashKey, Failure> {
    let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten();
    let number = number.ok_or_else(|| Failure::usage(format!("{place} must hold 32 hexadecimal digits")))?;
    Ok(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_directory_keeps_its_key_to_itself() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        let key = of_directory(&path).unwrap();
        assert_eq!(of_directory(&path).unwrap(), key);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(of_directory(&other.path().join(FILE)).unwrap(), key);
    }

    /// Computed apart: `printf 'pulse page tokens\x00…\x00' | sha256sum`, with sixteen zero bytes.
    #[test]
    fn replicas_make_the_same_key_of_their_house() {
        let key = of_house(&[0; 16]);
        assert_eq!(format!("{:032x}", u128::from_be_bytes(key)), "43bcd746122aee1b09b8b45ab487ade4");
        assert_ne!(of_house(&[1; 16]), key);
    }

    #[test]
    fn a_key_that_is_none_is_refused_without_being_shown() {
        for text in ["", "secret", "+0112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff00"] {
            let message = parse(text, "page_token_key").unwrap_err().message;
            assert_eq!(message, "page_token_key must hold 32 hexadecimal digits");
        }
        assert_eq!(parse("000102030405060708090a0b0c0d0e0f", "x").unwrap()[15], 15);
    }
}
