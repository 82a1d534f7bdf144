//! `settle`: a person's word on a message of which nobody knows whether it went.

use super::{
    Exit,
    args::{Format, Settle},
    json::{StoredLine, line},
    screen::{self, ATTENTION, BOLD, hanging, say, tell},
};
use crate::{
    domain::outbox::{MessageState, Verdict},
    jobs::{Site, likeness::most_like},
    store::StoredMessage,
};

/// Writes the decision down.
pub async fn settle(site: &Site, options: &Settle, format: Format) -> anyhow::Result<Exit> {
    let reference = options.reference.trim().to_uppercase();
    let Some(message) = site.store.find_message(&reference).await? else {
        return refuse_unheard_of(site, &reference).await;
    };
    let person = options.decider.person();
    let is_settled = site.store.settle_unknown(message.number, options.verdict, &person, site.clock.now()).await?;
    let message = site.store.find_message(&reference).await?.unwrap_or(message);
    if !is_settled {
        refuse(&message);
        return Ok(Exit::Failed);
    }
    match format {
        Format::Json => line(&mut std::io::stdout().lock(), &StoredLine::from(&message))?,
        Format::Text => print(&message, options.verdict),
    }
    Ok(Exit::Done)
}

async fn refuse_unheard_of(site: &Site, reference: &str) -> anyhow::Result<Exit> {
    let unknown = site.store.list_messages(&[MessageState::Unknown]).await?;
    tell!("{ATTENTION}error{ATTENTION:#}: {}", hanging(&format!("no message has the reference {reference}"), 7));
    match most_like(reference, unknown.iter().map(|message| message.reference.as_str())).as_slice() {
        [] => screen::tip("lapsewatch list --unknown shows the messages to settle"),
        like => screen::tip(&format!("did you mean {}?", like.join(" or "))),
    }
    Ok(Exit::Failed)
}

fn refuse(message: &StoredMessage) {
    let said = format!("{} is {}, not unknown: there is nothing to settle", message.reference, message.state.as_str());
    tell!("{ATTENTION}error{ATTENTION:#}: {}", hanging(&said, 7));
    match message.state {
        MessageState::Held => screen::tip("lapsewatch approve or lapsewatch discard decides on held messages"),
        state if state.is_waiting() => screen::tip("it leaves by itself when its time comes"),
        _ => screen::tip("lapsewatch list --unknown shows the messages to settle"),
    }
}

fn print(message: &StoredMessage, verdict: Verdict) {
    let (reference, recipient) = (&message.reference, &message.message.recipient);
    let what = match verdict {
        Verdict::Accepted => format!("to {recipient} counts as accepted"),
        Verdict::Resend => format!(
            "to {recipient} goes out once more, under the same Message-ID: the daemon sends it, or lapsewatch once"
        ),
        Verdict::Drop => format!("to {recipient} is dropped: it is not sent any more"),
    };
    say!("{BOLD}{reference}{BOLD:#} {}", hanging(&what, reference.len() + 1));
}
