//! The configuration of a server: defaults < file < environment < flags, each value with its origin.

pub mod kafka;
mod layers;
mod schema;
pub mod scylla;
mod secret;

pub use layers::{Layer, Origin, Setting};
pub use schema::{Config, LogFormat};
pub use secret::Secret;

use crate::environment::Environment;
use crate::exit::Failure;
use anyhow::Context;
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
    load_over(Value::Null, file, environment, flags)
}

/// The same, for a command with some defaults of its own.
pub fn load_over(
    own_defaults: Value,
    file: Option<&Path>,
    environment: &Environment,
    flags: Value,
) -> anyhow::Result<Loaded> {
    let mut layers = layers::Layers::new(defaults()?);
    layers.lay(&Layer { origin: Origin::Default, values: own_defaults })?;
    if let Some(path) = file {
        let origin = Origin::File(path.to_owned());
        layers.lay(&Layer { origin, values: read(path)? })?;
    }
    let warnings = layers.lay_environment(environment)?;
    layers.lay(&Layer { origin: Origin::Flag, values: flags })?;
    let config: Config = serde_path_to_error::deserialize(layers.values())
        .map_err(|error| layers.refuse(&error.path().to_string(), &format!(": {}", error.inner())))?;
    config.check().map_err(|(key, rule)| layers.refuse(key, rule))?;
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

    fn refusal(file: Option<&Path>, variables: &Environment, flags: Value) -> String {
        let error = load(file, variables, flags).unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Usage, "{error}");
        error.to_string()
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_refused_by_its_variable_and_its_key() {
        for (name, value, expected) in [
            ("PULSE_SHUTDOWN_DEADLINE_SECONDS", "soon", "shutdown_deadline_seconds must be a whole number"),
            ("PULSE_EPHEMERAL", "2", "ephemeral must be true or false"),
            ("PULSE_LISTEN_HTTP", "nowhere", "listen_http: invalid socket address syntax"),
            ("PULSE_TRACE_ONE_IN", "-1", "trace_one_in must be a whole number"),
        ] {
            let text = refusal(None, &Environment::from([(name, value)]), json!({}));
            assert_eq!(text, format!("environment {name}: {expected}"));
        }
    }

    #[test]
    fn a_rule_that_a_value_breaks_is_told_with_where_the_value_came_from() {
        let file = write("connections_max = 0\n[ingestor_consumer]\nread_bytes = \"many\"\n");
        let named = format!("file {}: ", file.path().display());
        let text = refusal(Some(file.path()), &Environment::default(), json!({}));
        assert!(
            text.starts_with(&format!("{named}ingestor_consumer.read_bytes: invalid type: string")),
            "{text}"
        );
        let mended = Environment::from([("PULSE_INGESTOR_CONSUMER__READ_BYTES", "4096")]);
        assert_eq!(
            refusal(Some(file.path()), &mended, json!({})),
            format!("{named}connections_max must be at least 1")
        );
        let flags = json!({"connections_max": 1, "shutdown_deadline_seconds": 0});
        assert_eq!(
            refusal(Some(file.path()), &mended, flags),
            "flag: shutdown_deadline_seconds must be at least 1"
        );
        let text = refusal(None, &Environment::from([("PULSE_MEMORY_BYTES_MAX", "0")]), json!({}));
        assert_eq!(text, "environment PULSE_MEMORY_BYTES_MAX: memory_bytes_max must be at least 1");
    }

    #[test]
    fn a_key_and_its_file_exclude_each_other() {
        let both = Environment::from([("PULSE_PAGE_TOKEN_KEY", "x"), ("PULSE_PAGE_TOKEN_KEY_FILE", "/x")]);
        let text = refusal(None, &both, json!({}));
        assert_eq!(
            text,
            "environment PULSE_PAGE_TOKEN_KEY_FILE: page_token_key_file must not be set beside page_token_key"
        );
    }

    #[test]
    fn brokers_and_nodes_are_set_together_and_without_a_directory() {
        let set = |variables: &[(&str, &str)]| {
            let values = variables.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value)));
            values.collect::<serde_json::Map<_, _>>()
        };
        let brokers = json!({"kafka": set(&[("brokers", "a:9092")])});
        let nodes = json!({"scylla": set(&[("nodes", "a:9042")])});
        let text = refusal(None, &Environment::default(), brokers);
        assert_eq!(text, "default: scylla.nodes must be set beside kafka.brokers");
        let text = refusal(None, &Environment::default(), nodes);
        assert_eq!(text, "default: kafka.brokers must be set beside scylla.nodes");
        let both = Environment::from([("PULSE_KAFKA__BROKERS", "a:9092"), ("PULSE_SCYLLA__NODES", "a:9042")]);
        assert!(load(None, &both, json!({})).unwrap().config.is_on_engines());
        let text = refusal(None, &both, json!({"ephemeral": true}));
        assert_eq!(text, "flag: ephemeral must not be set beside kafka.brokers");
        assert!(!load(None, &Environment::default(), json!({})).unwrap().config.is_on_engines());
    }

    #[test]
    fn each_password_excludes_its_file_and_does_not_print() {
        for table in ["kafka", "scylla"] {
            let both = json!({table: {"password": "hunter2", "password_file": "/x"}});
            let text = refusal(None, &Environment::default(), both);
            assert_eq!(text, format!("flag: {table}.password_file must not be set beside {table}.password"));
            let loaded =
                load(None, &Environment::default(), json!({table: {"password": "hunter2"}})).unwrap();
            assert_eq!(origin(&loaded, &format!("{table}.password")).value, "***");
            assert!(!format!("{loaded:?}").contains("hunter2"));
        }
    }

    #[test]
    fn a_commands_own_default_gives_way_to_whoever_sets_the_key() {
        let own = || json!({"listen_http": "0.0.0.0:8080"});
        let load = |environment: &Environment| load_over(own(), None, environment, json!({})).unwrap();
        let listens = |loaded: &Loaded| loaded.config.listen_http.to_string();
        let quiet = load(&Environment::default());
        assert_eq!(
            (listens(&quiet).as_str(), &origin(&quiet, "listen_http").origin),
            ("0.0.0.0:8080", &Origin::Default)
        );
        let told = load(&Environment::from([("PULSE_LISTEN_HTTP", "127.0.0.1:1")]));
        assert_eq!(listens(&told), "127.0.0.1:1");
    }

    #[test]
    fn a_refused_secret_does_not_print() {
        let file = write("page_token_key = 112233445566\n");
        let text = refusal(Some(file.path()), &Environment::default(), json!({}));
        assert_eq!(text, format!("file {}: page_token_key must be text", file.path().display()));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let text = refusal(Some(Path::new("/no/such.toml")), &Environment::default(), json!({}));
        assert!(text.starts_with("/no/such.toml: "), "{text}");
        let file = write("data_dir = \n");
        let text = refusal(Some(file.path()), &Environment::default(), json!({}));
        assert!(text.starts_with(&file.path().display().to_string()) && text.contains("line 1"), "{text}");
    }

    #[test]
    fn a_secret_prints_as_stars() {
        let environment = Environment::from([("PULSE_PAGE_TOKEN_KEY", "00112233445566778899aabbccddeeff")]);
        let loaded = load(None, &environment, json!({})).unwrap();
        assert_eq!(origin(&loaded, "page_token_key").value, "***");
        assert!(!format!("{loaded:?}").contains("00112233"));
    }
}
