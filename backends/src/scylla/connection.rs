//! Connecting: every request at QUORUM, no retry by the driver, as long as asked and no longer.

use super::{OpenError, ScyllaOptions, Tls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::statement::Consistency;
use std::sync::Arc;

/// Connects to the cluster.
pub async fn connect(options: &ScyllaOptions) -> Result<Session, OpenError> {
    options.check()?;
    let profile = ExecutionProfile::builder()
        .consistency(Consistency::Quorum)
        .request_timeout(Some(options.request_timeout))
        .retry_policy(Arc::new(FallthroughRetryPolicy))
        .build();
    let mut builder = SessionBuilder::new()
        .known_nodes(&options.nodes)
        .connection_timeout(options.request_timeout)
        .default_execution_profile_handle(profile.into_handle())
        .keyspaces_to_fetch([&options.keyspace])
        .fetch_full_schema_metadata(false)
        .tls_context(options.tls.as_ref().map(tls).transpose()?);
    if let (Some(username), Some(password)) = (&options.username, &options.password) {
        builder = builder.user(username, password);
    }
    builder.build().await.map_err(|error| OpenError::unreachable(&options.nodes, &error))
}

fn tls(options: &Tls) -> Result<Arc<ClientConfig>, OpenError> {
    let refused = |detail: String| OpenError::Option(format!("tls: the certificates are refused: {detail}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&options.ca_pem) {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(refused("there is none".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_that_are_none_are_refused_by_the_option() {
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for ca_pem in [&b""[..], b"no certificate", broken] {
            let refused = tls(&Tls { ca_pem: ca_pem.to_vec() }).unwrap_err().to_string();
            assert!(refused.starts_with("tls: the certificates are refused: "), "{refused}");
        }
    }

    #[tokio::test]
    async fn where_nobody_listens_the_nodes_are_named() {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let options = ScyllaOptions { nodes: vec![closed.to_string()], ..ScyllaOptions::default() };
        let refused = connect(&options).await.err().unwrap().to_string();
        assert!(refused.starts_with(&format!("no node of {closed} can be used: ")), "{refused}");
    }
}
