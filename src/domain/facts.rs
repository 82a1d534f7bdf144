//! Facts, and how two that speak of the same thing become one (domain rule 5).
//!
//! A fact is one value about one subject, with the source, the as-of, the file and the line it came from. Merging
//! looks at nothing but the two facts, so the order in which files arrive never matters.

use std::cmp::Reverse;

use jiff::civil::Date;

use super::{
    snapshot::Source,
    subject::{Address, Kind, OdsCode, Status},
};

/// How many fields a row of an export gives, as a rule.
const OF_A_ROW: usize = 12;

/// Number of a loaded file in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId(pub i64);

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Primary address.
    Address,
    /// Name as printed.
    DisplayName,
    /// User, shared mailbox, application, …
    Kind,
    /// Status word.
    Status,
    /// Site code.
    Ods,
    /// Organisation's name.
    OrgName,
    /// Day the account was made.
    CreatedOn,
    /// Evidence: the latest day of use ever seen.
    LastActivityOn,
    /// Evidence: the latest day of a send ever seen.
    LastSentOn,
    /// Day of the last password change.
    PasswordChangedOn,
    /// The password is exempt from expiry.
    PasswordNeverExpires,
    /// Day the account was marked as a leaver's.
    LeaverOn,
    /// Day the account was deleted.
    DeletedOn,
    /// Whether log-in is enabled.
    Enabled,
    /// Whether the acceptable use policy has been accepted.
    AupAccepted,
    /// Whether the account asks for a second factor.
    Mfa,
    /// What is known of the mobile number.
    Mobile,
}

impl Field {
    /// Every field, in the order in which a person reads them.
    pub const ALL: [Self; 17] = [
        Self::Address,
        Self::DisplayName,
        Self::Kind,
        Self::Status,
        Self::Ods,
        Self::OrgName,
        Self::CreatedOn,
        Self::LastActivityOn,
        Self::LastSentOn,
        Self::PasswordChangedOn,
        Self::PasswordNeverExpires,
        Self::LeaverOn,
        Self::DeletedOn,
        Self::Enabled,
        Self::AupAccepted,
        Self::Mfa,
        Self::Mobile,
    ];

    /// The word in the store and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::DisplayName => "display_name",
            Self::Kind => "kind",
            Self::Status => "status",
            Self::Ods => "ods",
            Self::OrgName => "org_name",
            Self::CreatedOn => "created_on",
            Self::LastActivityOn => "last_activity_on",
            Self::LastSentOn => "last_sent_on",
            Self::PasswordChangedOn => "password_changed_on",
            Self::PasswordNeverExpires => "password_never_expires",
            Self::LeaverOn => "leaver_on",
            Self::DeletedOn => "deleted_on",
            Self::Enabled => "enabled",
            Self::AupAccepted => "aup_accepted",
            Self::Mfa => "mfa",
            Self::Mobile => "mobile",
        }
    }

    /// The field of a stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == word)
    }

    /// Dates of evidence never move back: the latest ever seen wins, whatever the source.
    #[must_use]
    pub const fn is_evidence(self) -> bool {
        matches!(self, Self::LastActivityOn | Self::LastSentOn)
    }

    /// Whether the field holds a date.
    #[must_use]
    pub const fn is_date(self) -> bool {
        matches!(
            self,
            Self::CreatedOn
                | Self::LastActivityOn
                | Self::LastSentOn
                | Self::PasswordChangedOn
                | Self::LeaverOn
                | Self::DeletedOn
        )
    }

    /// Whether the field holds yes or no.
    #[must_use]
    pub const fn is_flag(self) -> bool {
        matches!(self, Self::PasswordNeverExpires | Self::Enabled | Self::AupAccepted)
    }
}

/// Some of the fields: a bit each, for every row adds to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields(u32);

impl Fields {
    /// Takes one in. Returns whether it is new.
    pub const fn insert(&mut self, field: Field) -> bool {
        let before = self.0;
        self.0 |= 1 << field as u32;
        self.0 != before
    }

    /// Whether it is among them.
    #[must_use]
    pub const fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u32) != 0
    }
}

/// What a source said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A word, a name or an address.
    Text(Box<str>),
    /// A civil date in the policy's zone.
    Date(Date),
    /// Yes or no.
    Flag(bool),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Date(date) => date.fmt(f),
            Self::Flag(true) => f.write_str("yes"),
            Self::Flag(false) => f.write_str("no"),
        }
    }
}

/// One value about one subject, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What was said.
    pub value: Value,
    /// The day its snapshot describes.
    pub as_of: Date,
    /// Who said it.
    pub source: Source,
    /// The file.
    pub snapshot: SnapshotId,
    /// The line in the file, from 1; 0 for what was concluded rather than read.
    pub line: u32,
}

impl Fact {
    /// Whether `self`, newly arrived, takes the place of `known`.
    ///
    /// - Evidence: the later date; the same date from a newer as-of is confirmed.
    /// - Anything else: the newer as-of; on one day the source of better rank; of two files of one source on one
    ///   day the greater value, so that their order does not matter.
    #[must_use]
    pub fn replaces(&self, known: &Self, field: Field) -> bool {
        let standing = |fact: &Self| (fact.as_of, Reverse((fact.source.rank(), fact.source.as_str())));
        if field.is_evidence() {
            (&self.value, standing(self)) > (&known.value, standing(known))
        } else {
            (standing(self), &self.value) > (standing(known), &known.value)
        }
    }
}

/// What is known of one subject: of each field the best that each source has said. The best of these holds, the others
/// are overruled; they are kept, for a source that repeats itself with a newer as-of may be believed again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// By field, then by source: at most one of each.
    said: Vec<(Field, Fact)>,
}

impl Facts {
    /// The fact of a field that holds.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&Fact> {
        let mut best: Option<&Fact> = None;
        for fact in self.said_of(field) {
            if best.is_none_or(|known| fact.replaces(known, field)) {
                best = Some(fact);
            }
        }
        best
    }

    /// What other sources said of a field, and what is not believed.
    pub fn rivals(&self, field: Field) -> impl Iterator<Item = &Fact> {
        let holds = self.get(field).map(|fact| fact.source);
        self.said_of(field).filter(move |fact| Some(fact.source) != holds)
    }

    fn said_of(&self, field: Field) -> impl Iterator<Item = &Fact> {
        let from = self.said.partition_point(|(said, _)| *said < field);
        self.said.get(from..).into_iter().flatten().take_while(move |(said, _)| *said == field).map(|(_, fact)| fact)
    }

    /// Lets what a source said as of one day hold as of another: it said the same again.
    pub fn repeat(&mut self, source: Source, said_on: Date, as_of: Date) {
        let of_row = |fact: &&mut Fact| fact.source == source && fact.as_of == said_on;
        self.said.iter_mut().map(|(_, fact)| fact).filter(of_row).for_each(|fact| fact.as_of = as_of);
    }

    /// Everything that any source said, by field and source.
    pub fn said(&self) -> impl Iterator<Item = (Field, &Fact)> {
        self.said.iter().map(|(field, fact)| (*field, fact))
    }

    /// Puts a fact in place of what its source said before, without asking; for reading back what was merged before.
    pub fn set(&mut self, field: Field, fact: Fact) {
        self.put(self.place(field, fact.source), field, fact);
    }

    fn put(&mut self, place: Result<usize, usize>, field: Field, fact: Fact) {
        if self.said.is_empty() {
            self.said.reserve_exact(OF_A_ROW);
        }
        match place {
            Ok(at) => _ = self.said.get_mut(at).map(|slot| slot.1 = fact),
            Err(at) => self.said.insert(at, (field, fact)),
        }
    }

    fn place(&self, field: Field, source: Source) -> Result<usize, usize> {
        self.said.binary_search_by_key(&(field, source), |(field, fact)| (*field, fact.source))
    }

    /// Merges one arrived fact (rule 5). Returns what became of it.
    pub fn merge(&mut self, field: Field, fact: Fact) -> Merged {
        let place = self.place(field, fact.source);
        let known = place.ok().and_then(|at| self.said.get(at));
        if known.is_some_and(|(_, known)| !fact.replaces(known, field)) {
            return Merged::Unchanged;
        }
        let merged = match self.get(field) {
            Some(best) if !fact.replaces(best, field) => Merged::Overruled,
            Some(best) if best.value == fact.value => Merged::Confirmed,
            Some(_) | None => Merged::Changed,
        };
        self.put(place, field, fact);
        merged
    }

    /// Takes over everything that `other` has and that is better than one's own.
    pub fn absorb(&mut self, other: Self) {
        for (field, fact) in other.said {
            self.merge(field, fact);
        }
    }

    /// Every fact that holds, in reading order.
    pub fn iter(&self) -> impl Iterator<Item = (Field, &Fact)> {
        Field::ALL.into_iter().filter_map(|field| Some((field, self.get(field)?)))
    }

    fn text(&self, field: Field) -> Option<&str> {
        match &self.get(field)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A date, in the policy's zone.
    #[must_use]
    pub fn date(&self, field: Field) -> Option<Date> {
        match self.get(field)?.value {
            Value::Date(date) => Some(date),
            _ => None,
        }
    }

    /// A yes or no.
    #[must_use]
    pub fn flag(&self, field: Field) -> Option<bool> {
        match self.get(field)?.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    /// The primary address.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        self.text(Field::Address).map(Address::new)
    }

    /// The name as printed.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.text(Field::DisplayName)
    }

    /// The organisation's name.
    #[must_use]
    pub fn org_name(&self) -> Option<&str> {
        self.text(Field::OrgName)
    }

    /// What kind of thing the subject is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.text(Field::Kind).map_or(Kind::Unknown, Kind::parse)
    }

    /// The newest status word.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.text(Field::Status).and_then(Status::new)
    }

    /// The site code.
    #[must_use]
    pub fn ods(&self) -> Option<OdsCode> {
        self.text(Field::Ods).and_then(OdsCode::new)
    }
}

/// What a merge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merged {
    /// The known fact stands.
    Unchanged,
    /// The same value, now from a newer snapshot.
    Confirmed,
    /// News of its source, but another source is believed.
    Overruled,
    /// A new value.
    Changed,
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn fact(value: Value, as_of: Date, source: Source) -> Fact {
        Fact { value, as_of, source, snapshot: SnapshotId(1), line: 2 }
    }

    fn text(value: &str, day: i8, source: Source) -> Fact {
        fact(Value::Text(value.into()), date(2026, 11, day), source)
    }

    /// Merges in both orders and demands one result.
    fn either_order(field: Field, a: &Fact, b: &Fact) -> Value {
        let merge = |first: &Fact, second: &Fact| {
            let mut facts = Facts::default();
            facts.merge(field, first.clone());
            facts.merge(field, second.clone());
            facts.get(field).map(|fact| fact.value.clone()).expect("merged")
        };
        let one = merge(a, b);
        assert_eq!(one, merge(b, a), "the order of loading must not matter");
        one
    }

    #[test]
    fn the_newest_as_of_wins_and_a_tie_goes_to_the_better_source() {
        let portal = text("portal", 18, Source::PortalMailbox);
        let graph = text("graph", 19, Source::GraphUsers);
        assert_eq!(either_order(Field::DisplayName, &portal, &graph), Value::Text("graph".into()));
        let portal = text("portal", 19, Source::PortalMailbox);
        assert_eq!(either_order(Field::DisplayName, &portal, &graph), Value::Text("portal".into()));
    }

    #[test]
    fn evidence_is_the_latest_date_ever_seen_whatever_the_source() {
        let late = fact(Value::Date(date(2026, 11, 10)), date(2026, 11, 11), Source::GraphUsers);
        let newer_but_earlier = fact(Value::Date(date(2026, 11, 2)), date(2026, 11, 20), Source::PortalMailbox);
        assert_eq!(either_order(Field::LastActivityOn, &late, &newer_but_earlier), Value::Date(date(2026, 11, 10)));
        assert_eq!(either_order(Field::CreatedOn, &late, &newer_but_earlier), Value::Date(date(2026, 11, 2)));
    }

    #[test]
    fn two_files_of_one_source_and_day_agree_in_either_order() {
        let a = text("Active", 19, Source::PortalMailbox);
        let b = text("Inactive", 19, Source::PortalMailbox);
        assert_eq!(either_order(Field::Status, &a, &b), Value::Text("Inactive".into()));
    }

    #[test]
    fn what_is_overruled_is_kept_and_may_be_believed_again() {
        let mut facts = Facts::default();
        let portal = |day| text("portal", day, Source::PortalMailbox);
        let graph = text("graph", 19, Source::GraphUsers);
        assert_eq!(facts.merge(Field::DisplayName, portal(18)), Merged::Changed);
        assert_eq!(facts.merge(Field::DisplayName, graph.clone()), Merged::Changed);
        assert_eq!(facts.rivals(Field::DisplayName).collect::<Vec<_>>(), [&portal(18)]);
        assert_eq!(facts.merge(Field::DisplayName, portal(19)), Merged::Changed);
        assert_eq!(facts.merge(Field::DisplayName, portal(20)), Merged::Confirmed);
        let older_graph = text("old", 18, Source::GraphUsers);
        assert_eq!(facts.merge(Field::DisplayName, older_graph), Merged::Unchanged);
        assert_eq!(facts.merge(Field::DisplayName, text("canonical", 19, Source::Canonical)), Merged::Overruled);
        assert_eq!(facts.rivals(Field::DisplayName).count(), 2);
    }
}
