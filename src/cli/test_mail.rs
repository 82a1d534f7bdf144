//! `test-mail`: send one sample message through the real transport.

use super::{
    Exit,
    args::TestMail,
    screen::{BOLD, hanging, say},
};
use crate::{
    clock::Clock,
    config::{Config, Transport},
    domain::subject::Address,
    jobs::{Site, deliver::renderer},
    mail::{
        Mailer, Outgoing, Receipt, SendError,
        compose::{ComposeError, Envelope, compose},
        render::Rendered,
    },
};

/// Sends it, and prints what the server said.
pub async fn test_mail(site: &Site, options: &TestMail) -> anyhow::Result<Exit> {
    let to = Address::new(&options.address);
    let rendered = renderer(&site.config)?.test_message(&hostname(), site.today())?;
    let receipt = send(&site.config, site.clock.as_ref(), site.mailer.as_ref(), &to, &rendered, "test").await?;
    match site.config.mail.transport {
        Transport::Directory => say!("{BOLD}Wrote{BOLD:#} 1 test message to {to}; nothing was sent"),
        Transport::Smtp => {
            let by = format!("1 test message to {to} by {}", site.mailer.describe());
            say!("{BOLD}Sent{BOLD:#} {}", hanging(&by, 5));
        }
    }
    say!("  {}", hanging(&receipt.reply, 2));
    if site.config.mail.transport == Transport::Smtp {
        say!("Check that it is in the inbox, not in junk. Nobody else was mailed.");
    }
    Ok(Exit::Done)
}

/// Sends a message that no run planned, of a kind such as `test`.
pub async fn send(
    config: &Config,
    clock: &dyn Clock,
    mailer: &dyn Mailer,
    to: &Address,
    rendered: &Rendered,
    kind: &str,
) -> Result<Receipt, SendError> {
    let (mail, now) = (&config.mail, clock.now());
    let stamp = now.as_second();
    let envelope = Envelope {
        from: &mail.from,
        reply_to: mail.reply_to.as_ref(),
        to,
        to_name: None,
        message_id: &format!("{kind}-{stamp}@{}", mail.from.email.domain()),
        date: now,
        reference: kind,
    };
    let unwritten = |why: ComposeError| SendError::Unsendable { to: to.to_string(), why: why.to_string() };
    let raw = compose(&envelope, rendered).map_err(unwritten)?;
    let file_stem = format!("{}-{kind}-{stamp}", clock.today(&config.time_zone));
    let outgoing = Outgoing { from: mail.from.email.to_string(), to: to.as_str().to_owned(), raw, file_stem };
    let mut session = mailer.session();
    let receipt = session.send(&outgoing).await;
    session.close().await;
    receipt
}

/// What this machine is called.
pub fn hostname() -> String {
    std::fs::read_to_string("/etc/hostname").map_or_else(|_| "this machine".to_owned(), |name| name.trim().to_owned())
}
