//! `test-mail`: send one sample message through the real transport.

use anyhow::Context;

use super::{
    Exit,
    args::TestMail,
    screen::{BOLD, hanging, say},
};
use crate::{
    config::Transport,
    domain::subject::Address,
    jobs::{Site, deliver::renderer},
    mail::{
        Outgoing,
        compose::{Envelope, compose},
    },
};

/// Sends it, and prints what the server said.
pub async fn test_mail(site: &Site, options: &TestMail) -> anyhow::Result<Exit> {
    let to = Address::new(&options.address);
    let now = site.clock.now();
    let mail = &site.config.mail;
    let host = hostname();
    let rendered = renderer(&site.config)?.test_message(&host, site.today())?;
    let stamp = now.as_second();
    let envelope = Envelope {
        from: &mail.from,
        reply_to: mail.reply_to.as_ref(),
        to: &to,
        to_name: None,
        message_id: &format!("test-{stamp}@{}", mail.from.email.domain()),
        date: now,
        reference: "test",
    };
    let raw = compose(&envelope, &rendered).context("the test message cannot be written")?;
    let (from, recipient) = (mail.from.email.to_string(), to.as_str().to_owned());
    let outgoing = Outgoing { from, to: recipient, raw, file_stem: format!("{}-test-{stamp}", site.today()) };
    let mut session = site.mailer.session();
    let receipt = session.send(&outgoing).await?;
    session.close().await;
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

fn hostname() -> String {
    std::fs::read_to_string("/etc/hostname").map_or_else(|_| "this machine".to_owned(), |name| name.trim().to_owned())
}
