//! `snooze`: end a rule's notices for one account until a date, list such snoozes, end one early.

use jiff::{Timestamp, ToSpan, civil::Date};
use serde::Serialize;

use super::{
    Exit,
    args::{Format, Snooze as Options},
    json::line,
    screen::{self, ATTENTION, BOLD, FAINT, fit, hanging, long_day, say, tell},
};
use crate::{
    domain::{policy::Rule, subject::Address},
    jobs::{
        Site,
        snooze::{Ended, Snoozed, Wish, end, in_force, snooze as make},
    },
    store,
};

/// Makes, lists or ends a snooze.
pub async fn snooze(site: &Site, options: &Options, format: Format) -> anyhow::Result<Exit> {
    let (Some(address), Some(rule)) = (options.address.as_deref().map(Address::new), options.rule) else {
        return list(site, format).await;
    };
    let (Some(until_on), Some(reason)) = (options.until, options.reason.as_deref()) else {
        return Ok(print_end(&end(site, &address, rule).await?, &address, rule));
    };
    let author = options.decider.person();
    let wish = Wish { address, rule, until_on, reason, author: &author };
    let snoozed = make(site, &wish).await?;
    if snoozed != Snoozed::Made {
        refuse(&snoozed, &wish, site.today());
        return Ok(Exit::Failed);
    }
    let said = format!("{} hears nothing of {rule} before {}", wish.address, long_day(until_on));
    say!("{BOLD}Snoozed{BOLD:#}: {}", hanging(&said, 9));
    Ok(Exit::Done)
}

fn refuse(snoozed: &Snoozed, wish: &Wish<'_>, today: Date) {
    let rule = wish.rule;
    let (said, tip) = match snoozed {
        Snoozed::Unheard(like) => return refuse_unheard(&wish.address, like),
        Snoozed::NotAhead => ("a snooze ends after today".to_owned(), "use a later --until".to_owned()),
        Snoozed::TooLate { deadline_on } => (too_late(rule, *deadline_on, today), latest(*deadline_on, today)),
        Snoozed::Made | Snoozed::NothingCounts => (
            format!("the rule {rule} counts nothing for {}", wish.address),
            format!("lapsewatch explain {}", wish.address),
        ),
    };
    tell!("{ATTENTION}error{ATTENTION:#}: {}", hanging(&said, 7));
    screen::tip(&tip);
}

fn too_late(rule: Rule, deadline_on: Date, today: Date) -> String {
    if deadline_on <= today {
        return format!("the deadline was {deadline_on}: no snooze can end before it");
    }
    let what = match rule {
        Rule::Activation | Rule::Inactivity | Rule::Leaver => "this account will be deleted on",
        Rule::Password => "this password expires on",
        Rule::Restore => "this account can be restored until",
        Rule::SharedMailbox => "this mailbox can be deleted from",
    };
    format!("{what} {deadline_on}, before the snooze ends")
}

/// The latest day that leaves one day to be told and to act.
fn latest(deadline_on: Date, today: Date) -> String {
    let latest = deadline_on.saturating_sub(2.days());
    if latest > today {
        format!("use --until {latest}")
    } else {
        "it is too late to wait: somebody has to act now".to_owned()
    }
}

fn refuse_unheard(address: &Address, like: &[Address]) {
    tell!("{ATTENTION}error{ATTENTION:#}: {}", hanging(&format!("{address} is in no export that was loaded"), 7));
    match like {
        [] => screen::tip("lapsewatch list shows the accounts that need action"),
        like => {
            let like: Vec<_> = like.iter().map(Address::as_str).collect();
            screen::tip(&format!("did you mean {}?", like.join(" or ")));
        }
    }
}

fn print_end(ended: &Ended, address: &Address, rule: Rule) -> Exit {
    match ended {
        Ended::Unheard(like) => refuse_unheard(address, like),
        Ended::NotSnoozed => {
            tell!("{ATTENTION}error{ATTENTION:#}: {}", hanging(&format!("{rule} is not snoozed for {address}"), 7));
            screen::tip("lapsewatch snooze --list shows the snoozes in force");
        }
        Ended::Ended => {
            say!("{BOLD}Ended{BOLD:#}: {}", hanging(&format!("{address} hears of {rule} again"), 7));
            return Exit::Done;
        }
    }
    Exit::Failed
}

/// The JSON of `snooze --list`.
#[derive(Debug, Serialize)]
struct SnoozeLine<'a> {
    subject: &'a str,
    rule: &'static str,
    until_on: Date,
    author: &'a str,
    reason: &'a str,
    made_at: Timestamp,
}

async fn list(site: &Site, format: Format) -> anyhow::Result<Exit> {
    let snoozes = in_force(site).await?;
    if format == Format::Json {
        for (address, snooze) in &snoozes {
            line(&mut std::io::stdout().lock(), &SnoozeLine::of(address, snooze))?;
        }
    } else if snoozes.is_empty() {
        say!("Nothing is snoozed.");
    } else {
        for (address, snooze) in &snoozes {
            print_snooze(address, snooze);
        }
    }
    Ok(Exit::Done)
}

fn print_snooze(address: &Address, snooze: &store::Snooze) {
    let what = format!("{} until {}", snooze.rule, snooze.until_on);
    say!("{:<40} {what}", fit(address.as_str(), 40));
    say!("  {FAINT}{}{FAINT:#}", hanging(&format!("{}: {}", snooze.author, snooze.reason), 2));
}

impl<'a> SnoozeLine<'a> {
    fn of(address: &'a Address, snooze: &'a store::Snooze) -> Self {
        Self {
            subject: address.as_str(),
            rule: snooze.rule.as_str(),
            until_on: snooze.until_on,
            author: &snooze.author,
            reason: &snooze.reason,
            made_at: snooze.made_at,
        }
    }
}
