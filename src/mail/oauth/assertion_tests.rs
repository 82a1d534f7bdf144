use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use super::*;

const AUDIENCE: &str = "https://login.example/anyshire/oauth2/v2.0/token";
const CLIENT: &str = "8f1c0d3e-0000-4000-8000-000000000001";

/// As `openssl dgst -sha256` gives it of the certificate's DER, in base64url.
const THUMBPRINT: &str = "npbqz45_PJdzmXEnPuFp_tgO1uDLJ-Fkg9qgjemSR9s";

fn data(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/data/oauth", name].iter().collect()
}

/// A copy that nobody else may open, as a checkout may be open to everybody.
fn closed(text: &str) -> (tempfile::NamedTempFile, SecretFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let named = SecretFile::Path(file.path().to_owned());
    (file, named)
}

fn key(name: &str) -> (tempfile::NamedTempFile, SecretFile) {
    closed(&fs::read_to_string(data(name)).unwrap())
}

fn assertion(name: &str, now: &str) -> String {
    let (_kept, file) = key(name);
    let signer = Signer::read(&data("certificate.pem"), &file).unwrap();
    signer.assertion(AUDIENCE, CLIENT, now.parse().unwrap()).unwrap().expose_secret().to_owned()
}

fn part(assertion: &str, nth: usize) -> Value {
    let part = assertion.split('.').nth(nth).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn the_statement_says_who_to_whom_and_for_five_minutes() {
    let assertion = assertion("key.pem", "2026-11-20T08:00:00Z");
    let (header, claims) = (part(&assertion, 0), part(&assertion, 1));
    assert_eq!(header, json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": THUMBPRINT }));
    assert_eq!((&claims["aud"], &claims["iss"], &claims["sub"]), (&json!(AUDIENCE), &json!(CLIENT), &json!(CLIENT)));
    let begin = 1_795_161_600;
    assert_eq!((&claims["iat"], &claims["nbf"], &claims["exp"]), (&json!(begin), &json!(begin), &json!(begin + 300)));
}

#[test]
fn the_signature_is_the_certificates_whatever_form_the_key_has() {
    let certificate = Certificate::read(&data("certificate.pem")).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, certificate.public_key);
    for name in ["key.pem", "key-pkcs1.pem"] {
        let assertion = assertion(name, "2026-11-20T08:00:00Z");
        let (statement, signature) = assertion.rsplit_once('.').unwrap();
        public.verify(statement.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        public.verify(b"another", &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap_err();
    }
}

#[test]
fn no_two_statements_are_the_same() {
    let id = || part(&assertion("key.pem", "2026-11-20T08:00:00Z"), 1)["jti"].as_str().unwrap().to_owned();
    let (one, other) = (id(), id());
    assert_eq!((one.len(), other.len()), (32, 32));
    assert_ne!(one, other);
}

#[test]
fn a_key_that_cannot_be_used_is_named_with_the_reason() {
    let why = |text: &str| {
        let (_kept, file) = closed(text);
        Signer::read(&data("certificate.pem"), &file).err().unwrap().to_string()
    };
    let pem = |key: rcgen::KeyPair| key.serialize_pem();
    assert!(why("").contains("BEGIN PRIVATE KEY"));
    assert!(
        why("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
            .contains("openssl pkey")
    );
    assert!(why(&pem(rcgen::KeyPair::generate().unwrap())).contains("no usable RSA key"));
    assert!(
        why(&fs::read_to_string(data("other-key.pem")).unwrap())
            .contains("is not the key of mail.oauth.certificate_file")
    );
    let (_kept, good) = key("key.pem");
    let why = |path: PathBuf| Signer::read(&path, &good).err().unwrap().to_string();
    assert!(why("/nowhere/app.pem".into()).starts_with("mail.oauth.certificate_file /nowhere/app.pem: No such file"));
    assert!(why(data("key.pem")).contains("BEGIN CERTIFICATE"));
}
