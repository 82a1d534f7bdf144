//! How an application shows that it holds its certificate's key: a short-lived signed statement (RFC 7523).

use std::path::Path;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::{
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{KeyPair as _, RSA_PSS_SHA256},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, pem::PemObject};

use super::certificate::{CERTIFICATE_KEY, Certificate};
use crate::{
    config::SecretFile,
    mail::{SendError, secret},
};

/// The setting that names the key.
const KEY: &str = "mail.oauth.key_file";

/// How long a statement can be used: long enough for a clock that is a little wrong.
const LIFE: SignedDuration = SignedDuration::from_mins(5);

/// A certificate and its private key.
pub(super) struct Signer {
    key: KeyPair,
    thumbprint: [u8; 32],
}

impl Signer {
    /// Reads both files; they must belong together.
    ///
    /// # Errors
    /// A file cannot be read, the key is no RSA key in clear PEM, or it is not the certificate's.
    pub fn read(certificate_file: &Path, key_file: &SecretFile) -> Result<Self, SendError> {
        let unusable = |why: &str| SendError::Settings(format!("{KEY} {key_file}: {why}"));
        let certificate = Certificate::read(certificate_file)?;
        let pem = secret::whole(KEY, key_file)?;
        let key = parse(&pem).map_err(|why| unusable(&why))?;
        if key.public_key().as_ref() != certificate.public_key {
            return Err(unusable(&format!("is not the key of {CERTIFICATE_KEY} {}", certificate_file.display())));
        }
        Ok(Self { key, thumbprint: certificate.thumbprint })
    }

    /// The statement that we are `client_id`, for the endpoint `audience`, good for a few minutes from `now`.
    ///
    /// # Errors
    /// The key cannot sign.
    pub fn assertion(&self, audience: &str, client_id: &str, now: Timestamp) -> Result<SecretString, SendError> {
        let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(self.thumbprint) });
        let now = now.as_second();
        let claims = json!({
            "aud": audience, "iss": client_id, "sub": client_id, "jti": format!("{:032x}", rand::random::<u128>()),
            "iat": now, "nbf": now, "exp": now + LIFE.as_secs(),
        });
        let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let statement = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), statement.as_bytes(), &mut signature)
            .map_err(|_| SendError::Settings(format!("{KEY}: the key cannot sign")))?;
        Ok(SecretString::from(format!("{statement}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

fn parse(pem: &SecretString) -> Result<KeyPair, String> {
    let text = pem.expose_secret();
    if text.contains("ENCRYPTED") {
        return Err("is encrypted; take the passphrase off it (openssl pkey) and keep the file to yourself".into());
    }
    let der = PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| "holds no private key in PEM form (BEGIN PRIVATE KEY)".to_owned())?;
    let key = match &der {
        PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err("is no RSA key".into()),
    };
    key.map_err(|why| format!("is no usable RSA key of 2048 bits or more ({why})"))
}

#[cfg(test)]
#[path = "assertion_tests.rs"]
mod tests;
