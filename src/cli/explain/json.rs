//! `explain --format json`.

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use crate::{
    cli::json::NoticeLine,
    domain::{facts::Value, subject::Address},
    jobs::account::{Account, RuleLine, Said, SourcedFact, StageLine, StageState},
    store::LedgerLine,
};

#[derive(Debug, Serialize)]
pub(super) struct Whole<'a> {
    subject: String,
    facts: Vec<FactLine<'a>>,
    findings: Vec<FindingLine<'a>>,
    ledger: Vec<ToldLine<'a>>,
    next: Option<NextLine<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct FactLine<'a> {
    field: &'static str,
    #[serde(flatten)]
    said: SaidLine<'a>,
    overruled: Vec<SaidLine<'a>>,
}

#[derive(Debug, Serialize)]
struct SaidLine<'a> {
    value: serde_json::Value,
    as_of: Date,
    source: &'static str,
    file: Option<&'a str>,
    line: Option<u32>,
}

#[derive(Debug, Serialize)]
struct FindingLine<'a> {
    rule: &'static str,
    anchor_on: Date,
    deadline_on: Date,
    inactive_on: Option<Date>,
    approximate: bool,
    episode_on: Option<Date>,
    silent: Option<&'a str>,
    stages: Vec<StageEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct StageEntry<'a> {
    stage: &'a str,
    nominal_on: Date,
    fires_on: Date,
    state: &'static str,
    on: Option<Date>,
    recipients: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct ToldLine<'a> {
    on: Date,
    recipient: &'a str,
    kind: &'a str,
    #[serde(flatten)]
    notice: NoticeLine<'a>,
    reference: &'a str,
    state: &'static str,
    settled_at: Option<Timestamp>,
    reply: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct NextLine<'a> {
    on: Date,
    rule: &'static str,
    stage: &'a str,
    recipients: Vec<&'a str>,
}

impl<'a> Whole<'a> {
    pub(super) fn of(account: &'a Account) -> Self {
        let next = account.next.as_ref().map(|next| NextLine {
            on: next.on,
            rule: next.rule.as_str(),
            stage: next.stage.as_str(),
            recipients: next.recipients.iter().map(Address::as_str).collect(),
        });
        Self {
            subject: account.subject.address().as_str().to_owned(),
            facts: account.facts.iter().map(FactLine::of).collect(),
            findings: account.rules.iter().map(FindingLine::of).collect(),
            ledger: account.ledger.iter().map(ToldLine::of).collect(),
            next,
        }
    }
}

impl<'a> FactLine<'a> {
    pub(super) fn of(known: &'a SourcedFact) -> Self {
        Self {
            field: known.field.as_str(),
            said: SaidLine::of(&known.said),
            overruled: known.overruled.iter().map(SaidLine::of).collect(),
        }
    }
}

impl<'a> SaidLine<'a> {
    fn of(said: &'a Said) -> Self {
        let Said { fact, file } = said;
        Self {
            value: match &fact.value {
                Value::Text(text) => serde_json::Value::from(text.as_ref()),
                Value::Date(date) => serde_json::Value::from(date.to_string()),
                Value::Flag(flag) => serde_json::Value::from(*flag),
            },
            as_of: fact.as_of,
            source: fact.source.as_str(),
            file: file.as_deref(),
            line: (fact.line > 0).then_some(fact.line),
        }
    }
}

impl<'a> FindingLine<'a> {
    fn of(rule: &'a RuleLine) -> Self {
        Self {
            rule: rule.rule.as_str(),
            anchor_on: rule.dates.anchor_on,
            deadline_on: rule.dates.deadline_on,
            inactive_on: rule.dates.inactive_on,
            approximate: rule.dates.is_approximate,
            episode_on: rule.episode_on,
            silent: rule.silent.or(rule.kept_back.as_deref()),
            stages: rule.stages.iter().map(StageEntry::of).collect(),
        }
    }
}

impl<'a> StageEntry<'a> {
    fn of(stage: &'a StageLine) -> Self {
        let (word, on) = match stage.state {
            StageState::Told(day) => ("told", Some(day)),
            StageState::Held(day) => ("held", Some(day)),
            StageState::PassedOver(day) => ("passed_over", Some(day)),
            StageState::Due => ("due", None),
            StageState::Overtaken => ("overtaken", None),
            StageState::ToCome => ("to_come", None),
        };
        Self {
            stage: stage.name.as_str(),
            nominal_on: stage.nominal_on,
            fires_on: stage.fires_on,
            state: word,
            on,
            recipients: stage.audience.recipients.iter().map(|recipient| recipient.address.as_str()).collect(),
        }
    }
}

impl<'a> ToldLine<'a> {
    fn of(told: &'a LedgerLine) -> Self {
        Self {
            on: told.on_day,
            recipient: &told.recipient,
            kind: &told.kind,
            notice: NoticeLine::from(&told.notice),
            reference: &told.reference,
            state: told.state.as_str(),
            settled_at: told.settled_at,
            reply: told.reply.as_deref(),
        }
    }
}
