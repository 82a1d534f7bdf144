//! Settings whose feature comes in a later version: they are read and checked, and an operator who relies on one is
//! warned that it protects nothing yet.
use super::{
    layer::Entry,
    section::{Fault, Given, Section},
    values::text,
};

/// `[http]`
pub(super) fn read(root: &mut Section<'_>) {
    let mut http = root.section("http");
    let listen = http.find_at("listen", listen);
    warn(&http, "listen", listen.as_ref(), "there is no dashboard");
    http.finish();
}

fn warn<T>(section: &Section<'_>, name: &str, given: Option<&Given<T>>, tip: &str) {
    if let Some(given) = given {
        let message = format!("`{}` is not in force in this version", section.key(name));
        section.problems.warn(Some(&given.at), message, Some(tip.to_owned()));
    }
}

fn listen(entry: &Entry) -> Result<std::net::SocketAddr, Fault> {
    let fault = |_| Fault::new("must be an address and a port such as \"127.0.0.1:8025\"");
    text(entry)?.parse().map_err(fault)
}
