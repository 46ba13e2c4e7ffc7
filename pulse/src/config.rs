//! The configuration of a server: defaults < file < environment < flags, each value with its origin.

mod layers;
mod schema;
mod secret;

pub use layers::{Layer, Origin, Setting};
pub use schema::{Config, LogFormat};
pub use secret::Secret;

use crate::environment::Environment;
use crate::exit::Failure;
use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A configuration, where each of its values came from, and what is worth a warning.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Each value as text and its origin, by key; secrets are `***`.
    pub settings: Vec<Setting>,
    /// `PULSE_…` variables that name no key.
    pub warnings: Vec<String>,
}

/// Lays the layers on each other. Unknown keys are fatal in the file and in flags, variables only warn.
pub fn load(file: Option<&Path>, environment: &Environment, flags: Value) -> anyhow::Result<Loaded> {
    let mut layers = layers::Layers::new(defaults()?);
    if let Some(path) = file {
        let origin = Origin::File(path.to_owned());
        layers.lay(&Layer { origin, values: read(path)? })?;
    }
    let warnings = layers.lay_environment(environment)?;
    layers.lay(&Layer { origin: Origin::Flag, values: flags })?;
    let config = Config::deserialize(layers.values())
        .map_err(|error| Failure::usage(format!("configuration: {error}")))?;
    config.check()?;
    Ok(Loaded { config, settings: layers.settings(), warnings })
}

fn defaults() -> anyhow::Result<Value> {
    serde_json::to_value(Config::default()).context("writing the default configuration")
}

fn read(path: &Path) -> anyhow::Result<Value> {
    let refuse = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| refuse(&error))?;
    Ok(toml::from_str(&text).map_err(|error| refuse(&error))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use serde_json::json;

    fn write(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    fn origin<'a>(loaded: &'a Loaded, key: &str) -> &'a Setting {
        loaded.settings.iter().find(|setting| setting.key == key).unwrap()
    }

    #[test]
    fn flags_win_over_environment_over_file_over_defaults() {
        let file =
            write("data_dir = \"/file\"\nlisten_http = \"127.0.0.1:1\"\nlisten_grpc = \"127.0.0.1:1\"\n");
        let environment =
            Environment::from([("PULSE_LISTEN_HTTP", "127.0.0.1:2"), ("PULSE_LISTEN_GRPC", "127.0.0.1:2")]);
        let loaded = load(Some(file.path()), &environment, json!({"listen_grpc": "127.0.0.1:3"})).unwrap();
        assert_eq!(loaded.config.data_dir, Path::new("/file"));
        assert_eq!(loaded.config.listen_http.port(), 2);
        assert_eq!(loaded.config.listen_grpc.port(), 3);
        assert_eq!(loaded.config.shutdown_deadline_seconds, 10);
        assert_eq!(origin(&loaded, "data_dir").origin, Origin::File(file.path().to_owned()));
        assert_eq!(origin(&loaded, "listen_http").origin, Origin::Variable("PULSE_LISTEN_HTTP".to_owned()));
        assert_eq!(origin(&loaded, "listen_grpc").origin, Origin::Flag);
        assert_eq!(origin(&loaded, "shutdown_deadline_seconds").origin, Origin::Default);
    }

    #[test]
    fn a_key_the_file_may_not_have_is_fatal_and_named() {
        let file = write("data_dir = \"/x\"\n[ingestor_api]\nno_such_key = 1\n");
        let error = load(Some(file.path()), &Environment::default(), json!({})).unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Usage);
        assert!(error.to_string().contains("ingestor_api.no_such_key"), "{error}");
    }

    #[test]
    fn a_variable_that_names_no_key_warns_and_those_of_the_command_line_do_not() {
        let environment =
            Environment::from([("PULSE_NO_SUCH", "1"), ("PULSE_HTTP", "a:1"), ("PULSE_TOKEN", "x")]);
        let loaded = load(None, &environment, json!({})).unwrap();
        assert_eq!(loaded.warnings.len(), 1);
        assert!(loaded.warnings[0].contains("PULSE_NO_SUCH"));
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_refused() {
        for (name, value) in [
            ("PULSE_SHUTDOWN_DEADLINE_SECONDS", "soon"),
            ("PULSE_LISTEN_HTTP", "nowhere"),
            ("PULSE_EPHEMERAL", "2"),
        ] {
            let error = load(None, &Environment::from([(name, value)]), json!({})).unwrap_err();
            assert_eq!(Exit::of(&error), Exit::Usage, "{name}");
        }
    }

    #[test]
    fn a_secret_prints_as_stars() {
        let environment = Environment::from([("PULSE_PAGE_TOKEN_KEY", "00112233445566778899aabbccddeeff")]);
        let loaded = load(None, &environment, json!({})).unwrap();
        assert_eq!(origin(&loaded, "page_token_key").value, "***");
        assert!(!format!("{loaded:?}").contains("00112233"));
    }
}
