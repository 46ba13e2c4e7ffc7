//! A value that must not be printed.

use anyhow::Context;
use serde::{Deserialize, Serialize, Serializer};
use std::path::Path;
use std::{fmt, fs};

/// What a secret prints as.
pub const MASK: &str = "***";

/// A secret of the configuration.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

/// The secret itself, or what its file holds.
pub fn resolve(secret: Option<&Secret>, file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let Some(path) = file else { return Ok(secret.map(|secret| secret.0.clone())) };
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(Some(text.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stands_in_its_key_or_in_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "from the file\n").unwrap();
        let secret = Secret::from("from the key".to_owned());
        assert_eq!(resolve(None, None).unwrap(), None);
        assert_eq!(resolve(Some(&secret), None).unwrap().as_deref(), Some("from the key"));
        assert_eq!(resolve(None, Some(file.path())).unwrap().as_deref(), Some("from the file"));
        let error = resolve(None, Some(Path::new("/no/such"))).unwrap_err();
        assert_eq!(error.to_string(), "reading /no/such");
    }

    #[test]
    fn a_secret_is_masked_wherever_it_is_written() {
        let secret = Secret::from("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), MASK);
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        assert_eq!(secret.reveal(), "hunter2");
    }
}
