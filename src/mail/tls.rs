//! Whom we trust, and what is wrong with a certificate in words a person can act on: for the mail server and for the
//! token endpoint alike.

use std::{path::Path, sync::Arc};

use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::SendError;

/// The settings that an operator would look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    /// Names the file of authorities.
    pub ca_file: &'static str,
    /// Names the host.
    pub host: &'static str,
    /// What to look at when the other end does not speak TLS.
    pub plain: &'static str,
}

/// A client that trusts the authorities of `ca_file`, or the system's when there is none.
///
/// # Errors
/// The file cannot be read or holds no certificate, or the system has none.
pub(super) fn client(keys: Keys, ca_file: Option<&Path>) -> Result<ClientConfig, SendError> {
    let roots = match ca_file {
        Some(path) => roots_of_file(keys, path)?,
        None => roots_of_system(keys)?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| SendError::Settings(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn roots_of_file(keys: Keys, path: &Path) -> Result<RootCertStore, SendError> {
    let unusable = |why: String| SendError::Settings(format!("{} {}: {why}", keys.ca_file, path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))? {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() { Err(unusable("holds no certificate in PEM form".into())) } else { Ok(roots) }
}

fn roots_of_system(keys: Keys) -> Result<RootCertStore, SendError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(SendError::Settings(format!(
            "this machine has no list of certificate authorities: install ca-certificates or set {}",
            keys.ca_file
        )));
    }
    Ok(roots)
}

/// What is wrong with the other side of the handshake, and what to do.
pub(super) fn distrust(error: &rustls::Error, keys: Keys, host: &str) -> String {
    match error {
        rustls::Error::InvalidCertificate(problem) => certificate_problem(problem, keys, host),
        rustls::Error::InvalidMessage(_) => format!("it does not speak TLS here; check {}", keys.plain),
        other => format!("no encryption could be agreed on ({other})"),
    }
}

fn certificate_problem(problem: &CertificateError, keys: Keys, host: &str) -> String {
    match problem {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("its certificate is not for {host}; {} must be a name in the certificate", keys.host)
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired, or this machine's clock is wrong".into()
        }
        // A bad signature is an authority of the right name and the wrong key, made anew.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "its certificate comes from an authority that is not trusted here; name the right one in {}",
            keys.ca_file
        ),
        other => format!("its certificate is not good ({other})"),
    }
}
