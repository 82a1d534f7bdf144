//! The certificate that an application is registered with: its thumbprint, its key and its last day.

use std::{fs, path::Path};

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_parser::parse_x509_certificate;

use crate::mail::SendError;

/// The setting that names the file.
pub(super) const CERTIFICATE_KEY: &str = "mail.oauth.certificate_file";

/// The first certificate of a PEM file.
#[derive(Debug)]
pub(in crate::mail) struct Certificate {
    /// SHA-256 of the certificate.
    pub thumbprint: [u8; 32],
    /// The public key's bits; of an RSA key, `RSAPublicKey` (RFC 8017).
    pub public_key: Vec<u8>,
    /// The last instant at which it is valid.
    pub ends_at: Timestamp,
}

impl Certificate {
    /// Reads the file.
    ///
    /// # Errors
    /// The file cannot be read or its first certificate makes no sense.
    pub fn read(path: &Path) -> Result<Self, SendError> {
        let unusable = |why: String| SendError::Settings(format!("{CERTIFICATE_KEY} {}: {why}", path.display()));
        let text = fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let der = CertificateDer::from_pem_slice(&text)
            .map_err(|_| unusable("holds no certificate in PEM form (BEGIN CERTIFICATE)".into()))?;
        Self::parse(&der).ok_or_else(|| unusable("its certificate cannot be read".into()))
    }

    fn parse(der: &[u8]) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(der).ok()?;
        Some(Self {
            thumbprint: digest(&SHA256, der).as_ref().try_into().ok()?,
            public_key: certificate.public_key().subject_public_key.data.to_vec(),
            ends_at: Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()?,
        })
    }
}
