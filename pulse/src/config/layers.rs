//! Layers of values: each may only set keys the defaults have, and the last one to set a key is its origin.

use super::secret::MASK;
use crate::environment::Environment;
use crate::exit::Failure;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Begins the variables that are ours.
const PREFIX: &str = "PULSE_";
/// Variables that the command line reads itself.
const NOT_KEYS: [&str; 7] =
    ["HTTP", "GRPC", "TOKEN", "CONFIG", "CRASH_POINT", "CLOCK_AHEAD_SECONDS", "UPDATE_OPENAPI"];
/// Keys whose value is not shown.
const SECRETS: [&str; 3] = ["page_token_key", "kafka.password", "scylla.password"];

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// One key's value as text, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// `room.key`.
    pub key: String,
    /// As text; a secret is `***`.
    pub value: String,
    /// Who set it last.
    pub origin: Origin,
}

/// Values of one origin, nested as the configuration is.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Whose they are.
    pub origin: Origin,
    /// The values.
    pub values: Value,
}

/// The layers laid so far: every key there is, its value and its origin.
pub struct Layers {
    /// What kind of value each key takes.
    defaults: BTreeMap<String, Value>,
    values: BTreeMap<String, (Value, Origin)>,
}

impl Layers {
    /// The defaults, which say what keys there are.
    pub fn new(defaults: Value) -> Self {
        let defaults: BTreeMap<String, Value> = leaves(defaults).into_iter().collect();
        let values = defaults.iter().map(|(key, value)| (key.clone(), (value.clone(), Origin::Default)));
        Self { values: values.collect(), defaults }
    }

    /// Lays values on top; a key that is not there is refused by name.
    pub fn lay(&mut self, layer: &Layer) -> Result<(), Failure> {
        for (key, value) in leaves(layer.values.clone()) {
            let refusal = || Failure::usage(format!("{}: unknown configuration key {key}", layer.origin));
            let entry = self.values.get_mut(&key).ok_or_else(refusal)?;
            *entry = (value, layer.origin.clone());
        }
        Ok(())
    }

    /// Lays the variables `PULSE_ROOM__KEY` on top and names those that are no key.
    pub fn lay_environment(&mut self, environment: &Environment) -> Result<Vec<String>, Failure> {
        let mut unknown = Vec::new();
        for (name, text) in environment.with_prefix(PREFIX).filter(|(name, _)| !NOT_KEYS.contains(name)) {
            let key = name.to_ascii_lowercase().replace("__", ".");
            let variable = format!("{PREFIX}{name}");
            let Some(default) = self.defaults.get(&key) else {
                unknown.push(format!("environment variable {variable} names no configuration key"));
                continue;
            };
            let origin = Origin::Variable(variable);
            let value = parse(text, default).map_err(|rule| refusal(&origin, &key, rule))?;
            self.values.insert(key, (value, origin));
        }
        Ok(unknown)
    }

    /// All values, nested again.
    pub fn values(&self) -> Value {
        let mut root = Value::Object(Map::new());
        for (key, (value, _)) in &self.values {
            let place = key.split('.').fold(&mut root, |table, part| &mut table[part]);
            *place = value.clone();
        }
        root
    }

    /// Why a value cannot stay, with who set it; what a secret holds is not told.
    pub fn refuse(&self, key: &str, rule: &str) -> Failure {
        let rule = if SECRETS.contains(&key) { " must be text" } else { rule };
        let origin = self.values.get(key).map_or(&Origin::Default, |(_, origin)| origin);
        refusal(origin, key, rule)
    }

    /// Each key with its value as text and its origin.
    pub fn settings(&self) -> Vec<Setting> {
        let setting = |(key, (value, origin)): (&String, &(Value, Origin))| Setting {
            key: key.clone(),
            value: if SECRETS.contains(&key.as_str()) && !value.is_null() {
                MASK.to_owned()
            } else {
                text(value)
            },
            origin: origin.clone(),
        };
        self.values.iter().map(setting).collect()
    }
}

/// The values that are no tables, each under its path.
fn leaves(values: Value) -> Vec<(String, Value)> {
    let Value::Object(table) = values else { return Vec::new() };
    let nested = table.into_iter().flat_map(|(name, value)| match value {
        Value::Object(_) => {
            leaves(value).into_iter().map(|(inner, value)| (format!("{name}.{inner}"), value)).collect()
        }
        _ => vec![(name, value)],
    });
    nested.collect()
}

/// A value that breaks a rule, by who set it and its key.
fn refusal(origin: &Origin, key: &str, rule: &str) -> Failure {
    Failure::usage(format!("{origin}: {key}{rule}"))
}

/// Reads a variable's text as the kind of value that the key takes, or tells what it must be.
fn parse(text: &str, default: &Value) -> Result<Value, &'static str> {
    match default {
        Value::Number(_) => text.parse::<u64>().map(Value::from).map_err(|_| " must be a whole number"),
        Value::Bool(_) => text.parse::<bool>().map(Value::from).map_err(|_| " must be true or false"),
        _ => Ok(Value::from(text)),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_nested_variable_reaches_its_room() {
        let mut layers = Layers::new(json!({"room": {"queue_max": 5, "name": "a"}, "flag": false}));
        let environment = Environment::from([("PULSE_ROOM__QUEUE_MAX", "7"), ("PULSE_FLAG", "true")]);
        assert_eq!(layers.lay_environment(&environment).unwrap(), Vec::<String>::new());
        assert_eq!(layers.values(), json!({"room": {"queue_max": 7, "name": "a"}, "flag": true}));
        assert_eq!(layers.settings().len(), 3);
    }

    #[test]
    fn an_absent_value_can_be_set_and_shows_empty() {
        let mut layers = Layers::new(json!({"path": null}));
        assert_eq!(layers.settings()[0].value, "");
        layers.lay(&Layer { origin: Origin::Flag, values: json!({"path": "/x"}) }).unwrap();
        assert_eq!(layers.values(), json!({"path": "/x"}));
    }

    #[test]
    fn a_table_in_the_place_of_a_value_is_an_unknown_key() {
        let mut layers = Layers::new(json!({"path": null}));
        let layer = Layer { origin: Origin::Flag, values: json!({"path": {"deeper": 1}}) };
        assert!(layers.lay(&layer).unwrap_err().message.contains("path.deeper"));
    }
}
