//! Whom we trust, and what is wrong with a certificate in words a person can act on.

use std::{io, path::Path, sync::Arc};

use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, CertificateError, ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject},
    },
};

use crate::mail::SendError;

/// A connector that trusts the authorities of `ca_file`, or the system's when there is none.
///
/// # Errors
/// The file cannot be read or holds no certificate, or the system has none.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, SendError> {
    let roots = match ca_file {
        Some(path) => roots_of_file(path)?,
        None => roots_of_system()?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| SendError::Settings(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, SendError> {
    let unusable = |why: String| SendError::Settings(format!("mail.smtp.ca_file {}: {why}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))? {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() { Err(unusable("holds no certificate in PEM form".into())) } else { Ok(roots) }
}

fn roots_of_system() -> Result<RootCertStore, SendError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(SendError::Settings(
            "this machine has no list of certificate authorities: install ca-certificates or set mail.smtp.ca_file"
                .into(),
        ));
    }
    Ok(roots)
}

/// What is wrong with the server's side of the handshake, and what to do; none when the connection merely broke.
pub(super) fn distrust(error: &io::Error, host: &str) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidCertificate(problem) => certificate_problem(problem, host),
        rustls::Error::InvalidMessage(_) => {
            "it does not speak TLS here; check that mail.smtp.tls suits the port (587 starttls, 465 implicit)".into()
        }
        other => format!("no encryption could be agreed on ({other})"),
    })
}

fn certificate_problem(problem: &CertificateError, host: &str) -> String {
    match problem {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("its certificate is not for {host}; mail.smtp.host must be a name in the certificate")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired, or this machine's clock is wrong".into()
        }
        // A bad signature is an authority of the right name and the wrong key, made anew.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate comes from an authority that is not trusted here; name the right one in mail.smtp.ca_file"
                .into()
        }
        other => format!("its certificate is not good ({other})"),
    }
}
