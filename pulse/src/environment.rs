//! The process's environment, read once at the start and handed on as a value.

use std::collections::BTreeMap;

/// The variables that are text.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// What the process was started with.
    pub fn of_process() -> Self {
        let text = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(text.collect())
    }

    /// A variable that is set and not empty.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The variables that begin with `prefix`, without it.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_absent() {
        let environment = Environment::from([("PULSE_HTTP", ""), ("PULSE_GRPC", "a:1"), ("HOME", "/root")]);
        assert_eq!(environment.find("PULSE_HTTP"), None);
        assert_eq!(environment.find("PULSE_GRPC"), Some("a:1"));
        let ours: Vec<_> = environment.with_prefix("PULSE_").collect();
        assert_eq!(ours, [("GRPC", "a:1"), ("HTTP", "")]);
    }
}
