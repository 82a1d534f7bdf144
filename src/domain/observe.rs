//! How a row of an export becomes facts of the subject it is about (rule 5).

use jiff::civil::Date;

use super::{
    evaluate,
    facts::{Fact, Field, Merged, Value},
    policy::Policy,
    record::{Arrival, Subject, SubjectId},
    snapshot::Observation,
    subject::{Address, Kind, MfaState, MobileState, OdsCode, Status},
};

/// The status word of a subject that vanished and is taken as deleted.
pub(super) const PRESUMED: &str = "Deleted (no longer listed)";

/// What a row did to the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// The subject the row is about.
    pub subject: SubjectId,
    /// Whether the row made it known, changed it, or said nothing new.
    pub kind: EffectKind,
    /// Its source gives the address of the row to another id on the same day.
    pub is_contested: bool,
    /// Dates more than a day after the as-of, left out.
    pub bad_dates: u32,
    /// The row told of a send that can be believed, and its source of the sends of shared mailboxes.
    pub tells_of_send: bool,
}

/// See [`Effect::kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectKind {
    /// The subject was not listed before.
    New,
    /// At least one value is new.
    Changed,
    /// Nothing new.
    Unchanged,
    /// The facts wait: no source has listed the address yet.
    Waiting,
}

/// Takes a row up in the subject it is about. Returns what it did, and whether the subject is another than before.
pub(super) fn observe(subject: &mut Subject, arrival: Arrival, row: &Observation, policy: &Policy) -> (Effect, bool) {
    evaluate::fix_deletion_before(subject, arrival.as_of, policy);
    let was_listed = subject.is_listed();
    let (changed, confirmed, bad_dates) = merge_row(subject, arrival, row);
    if arrival.source.lists_subjects() {
        withdraw_presumption(subject, arrival);
    }
    let is_newer = subject.seen_on.get(&arrival.source).is_none_or(|seen_on| *seen_on < arrival.as_of);
    if is_newer {
        subject.seen_on.insert(arrival.source, arrival.as_of);
    }
    let kind = match (subject.is_listed(), was_listed) {
        (false, _) => EffectKind::Waiting,
        (true, false) => EffectKind::New,
        (true, true) if changed => EffectKind::Changed,
        (true, true) => EffectKind::Unchanged,
    };
    let tells_of_send = tells_of_send(arrival, row);
    let effect = Effect { subject: subject.id, kind, is_contested: false, bad_dates, tells_of_send };
    (effect, changed || confirmed || is_newer || !was_listed)
}

/// Whether a row tells of a send that can be believed, and its source of the sends of shared mailboxes.
pub(super) fn tells_of_send(arrival: Arrival, row: &Observation) -> bool {
    let has_sent = row.last_sent_on.is_some_and(|sent_on| sent_on <= latest_good(arrival.as_of));
    has_sent && arrival.source.watches_mailboxes()
}

/// A listed subject is not gone: its status before it was taken as deleted holds again, unless the row gave a newer.
fn withdraw_presumption(subject: &mut Subject, arrival: Arrival) {
    let presumed = subject.facts.get(Field::Status).filter(|fact| fact.value == Value::Text(PRESUMED.into()));
    let Some(presumed) = presumed.filter(|fact| fact.as_of < arrival.as_of).cloned() else { return };
    let before = subject.history.stretches().iter().rev().find(|stretch| stretch.status.as_str() != PRESUMED);
    let status = before.map(|stretch| stretch.status.clone()).or_else(|| Status::new("Active"));
    let Some(status) = status else { return };
    let value = Value::Text(status.as_str().into());
    subject.facts.set(Field::Status, Fact { value, as_of: arrival.as_of, ..presumed });
    subject.history.record(status, arrival.as_of, arrival.source);
}

/// The last date that a snapshot can know: one more than a day after its as-of is bad (rule 5).
#[must_use]
pub fn latest_good(as_of: Date) -> Date {
    as_of.tomorrow().unwrap_or(as_of)
}

/// Merges a row's values. Returns whether a value is new, whether the row is to be kept all the same (it confirms
/// something, or another source overrules it), and how many dates were bad.
fn merge_row(subject: &mut Subject, arrival: Arrival, row: &Observation) -> (bool, bool, u32) {
    let (mut changed, mut confirmed, mut bad_dates) = (false, false, 0);
    for (field, told) in told(row) {
        let Arrival { snapshot, source, as_of } = arrival;
        if is_bad(&told, as_of) {
            bad_dates += 1;
            continue;
        }
        let value = told.to_value();
        match subject.facts.merge(field, Fact { value, as_of, source, snapshot, line: row.line }) {
            Merged::Changed => changed = true,
            Merged::Confirmed | Merged::Overruled => confirmed = true,
            Merged::Unchanged => {}
        }
    }
    if let Some(status) = &row.status {
        confirmed |= subject.history.record(status.clone(), arrival.as_of, arrival.source);
    }
    (changed, confirmed, bad_dates)
}

/// The fields of which a row says anything.
pub(super) fn fields(row: &Observation) -> impl Iterator<Item = Field> {
    told(row).map(|(field, _)| field)
}

/// Whether it is a date that a file of this day cannot know.
pub(super) fn is_bad(told: &Told<'_>, as_of: Date) -> bool {
    matches!(told, Told::Date(date) if *date > latest_good(as_of))
}

/// A value as it stands in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'a> {
    /// A word, a name or an address.
    Text(&'a str),
    /// A civil date in the policy's zone.
    Date(Date),
    /// Yes or no.
    Flag(bool),
}

impl Told<'_> {
    /// The same, to keep.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self {
            Self::Text(text) => Value::Text(text.into()),
            Self::Date(date) => Value::Date(date),
            Self::Flag(flag) => Value::Flag(flag),
        }
    }
}

/// What a row says, in the order of the fields; a blank says nothing.
pub(super) fn told(row: &Observation) -> impl Iterator<Item = (Field, Told<'_>)> {
    let kind = (row.kind != Kind::Unknown).then(|| row.kind.as_str());
    [
        (Field::Address, row.address.as_ref().map(Address::as_str).map(Told::Text)),
        (Field::DisplayName, row.display_name.as_deref().map(Told::Text)),
        (Field::Kind, kind.map(Told::Text)),
        (Field::Status, row.status.as_ref().map(Status::as_str).map(Told::Text)),
        (Field::Ods, row.ods.as_ref().map(OdsCode::as_str).map(Told::Text)),
        (Field::OrgName, row.org_name.as_deref().map(Told::Text)),
        (Field::CreatedOn, row.created_on.map(Told::Date)),
        (Field::LastActivityOn, row.last_activity_on.map(Told::Date)),
        (Field::LastSentOn, row.last_sent_on.map(Told::Date)),
        (Field::PasswordChangedOn, row.password_changed_on.map(Told::Date)),
        (Field::PasswordNeverExpires, row.password_never_expires.map(Told::Flag)),
        (Field::LeaverOn, row.leaver_on.map(Told::Date)),
        (Field::DeletedOn, row.deleted_on.map(Told::Date)),
        (Field::Enabled, row.enabled.map(Told::Flag)),
        (Field::AupAccepted, row.aup_accepted.map(Told::Flag)),
        (Field::Mfa, row.mfa.map(MfaState::as_str).map(Told::Text)),
        (Field::Mobile, row.mobile.map(MobileState::as_str).map(Told::Text)),
    ]
    .into_iter()
    .filter_map(|(field, told)| Some((field, told?)))
}
