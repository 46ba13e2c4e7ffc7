//! Finding a running server: flags and their variables, else its ready file, else the default addresses.

use crate::environment::Environment;
use crate::exit::Failure;
use crate::ready_file::{self, Ready};
use axum::http::Uri;
use clap::Args;
use reqwest::Url;
use std::fmt;
use std::path::Path;

/// Where HTTP is served by default.
pub const DEFAULT_HTTP: &str = "127.0.0.1:8080";
/// Where gRPC is served by default.
pub const DEFAULT_GRPC: &str = "127.0.0.1:50051";
/// The data directory by default.
pub const DEFAULT_DATA_DIR: &str = "./pulse-data";
/// The variable that names the trace a command is part of (OpenTelemetry: environment variables as carriers of context).
const TRACEPARENT_VARIABLE: &str = "TRACEPARENT";

/// Which server a command talks to.
#[derive(Args, Clone, Debug, Default)]
pub struct ServerFlags {
    /// HTTP address of the server: URL or host:port
    #[arg(long, global = true, env = "PULSE_HTTP", value_name = "ADDRESS", help_heading = "Server")]
    pub http: Option<String>,
    /// gRPC address of the server: URL or host:port
    #[arg(long, global = true, env = "PULSE_GRPC", value_name = "ADDRESS", help_heading = "Server")]
    pub grpc: Option<String>,
    /// Credential sent with every request
    #[arg(
        long,
        global = true,
        env = "PULSE_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        help_heading = "Server"
    )]
    pub token: Option<Token>,
}

/// A credential; it prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The secret itself, for the request's header only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Token {
    fn from(secret: &str) -> Self {
        Self(secret.to_owned())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A server that was found, and what is sent to it with every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Base URL of REST, without a slash at the end.
    pub http: String,
    /// Base URL of gRPC.
    pub grpc: String,
    /// The credential, if any.
    pub token: Option<Token>,
    /// The trace the requests are part of, if any (W3C trace context).
    pub traceparent: Option<String>,
}

impl Server {
    /// Finds the server that flags, variables and ready file name.
    pub fn find(flags: &ServerFlags, environment: &Environment) -> anyhow::Result<Self> {
        let data_dir = environment.find("PULSE_DATA_DIR").unwrap_or(DEFAULT_DATA_DIR);
        let ready = match (&flags.http, &flags.grpc) {
            (Some(_), Some(_)) => None,
            _ => Ready::find(&Path::new(data_dir).join(ready_file::NAME))?,
        };
        let choose = |flag: &Option<String>, ready: Option<String>, default: &str| {
            url(flag.as_deref().or(ready.as_deref()).unwrap_or(default))
        };
        Ok(Self {
            http: choose(&flags.http, ready.as_ref().map(|ready| ready.http.to_string()), DEFAULT_HTTP)?,
            grpc: choose(&flags.grpc, ready.as_ref().map(|ready| ready.grpc.to_string()), DEFAULT_GRPC)?,
            token: flags.token.clone(),
            traceparent: environment.find(TRACEPARENT_VARIABLE).map(str::to_owned),
        })
    }

    /// The same server, whose REST is elsewhere.
    pub fn with_http(&self, address: &str) -> anyhow::Result<Self> {
        Ok(Self { http: url(address)?, ..self.clone() })
    }
}

fn url(address: &str) -> anyhow::Result<String> {
    if address.starts_with("https://") {
        let advice = "TLS is not spoken yet: name the http:// address behind what ends it";
        return Err(Failure::usage(format!("address {address:?}: {advice}")).into());
    }
    let url = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let is_one = Url::parse(&url).is_ok_and(|url| url.scheme() == "http" && url.query().is_none());
    if is_one && url.parse::<Uri>().is_ok() {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    Err(Failure::usage(format!("address {address:?} must be host:port or an http:// URL")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(http: Option<&str>, grpc: Option<&str>) -> ServerFlags {
        ServerFlags { http: http.map(str::to_owned), grpc: grpc.map(str::to_owned), token: None }
    }

    #[test]
    fn flags_win_over_the_ready_file_and_that_over_defaults() {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = directory.path().to_str().unwrap();
        let environment = Environment::from([("PULSE_DATA_DIR", data_dir)]);
        let found = Server::find(&flags(None, Some("host:1")), &environment).unwrap();
        assert_eq!((found.http.as_str(), found.grpc.as_str()), ("http://127.0.0.1:8080", "http://host:1"));
        let ready = Ready {
            http: "127.0.0.1:11".parse().unwrap(),
            grpc: "127.0.0.1:12".parse().unwrap(),
            pid: 1,
            data_dir: data_dir.into(),
        };
        ready.write(&directory.path().join(ready_file::NAME)).unwrap();
        let found = Server::find(&flags(Some("http://host:2/"), None), &environment).unwrap();
        assert_eq!((found.http.as_str(), found.grpc.as_str()), ("http://host:2", "http://127.0.0.1:12"));
    }

    #[test]
    fn what_is_no_address_is_refused_before_anything_is_sent() {
        for bad in
            ["ftp://x", "", "/", "a b:1", "host:99999", "host:port", "http://", "x?y=1", "[::1:80", "é\u{0}"]
        {
            for flags in [flags(Some(bad), Some("a:1")), flags(Some("a:1"), Some(bad))] {
                let error = Server::find(&flags, &Environment::default()).unwrap_err();
                assert_eq!(crate::exit::Exit::of(&error), crate::exit::Exit::Usage, "{bad}");
                assert!(error.to_string().contains("must be host:port or an http:// URL"), "{error}");
            }
        }
        for (good, url) in [
            ("host:1", "http://host:1"),
            ("host", "http://host"),
            ("[::1]:80", "http://[::1]:80"),
            ("http://proxy/pulse/", "http://proxy/pulse"),
        ] {
            assert_eq!(super::url(good).unwrap(), url);
        }
    }

    #[test]
    fn who_asks_for_tls_is_told_that_there_is_none() {
        let error = super::url("https://pulse.example").unwrap_err();
        assert_eq!(crate::exit::Exit::of(&error), crate::exit::Exit::Usage);
        assert!(error.to_string().contains("TLS is not spoken"), "{error}");
    }

    #[test]
    fn a_token_does_not_print() {
        assert_eq!(format!("{:?}", Token::from("secret")), "***");
    }
}
