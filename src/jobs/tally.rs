//! What a file did, counted while its rows are merged: the load report in the making.

use std::{
    collections::{BTreeMap, HashSet},
    hash::Hash,
};

use jiff::civil::Date;

use super::{
    load::Candidate,
    load_report::{LoadReport, RejectedRow},
};
use crate::{
    domain::{
        countdown::Countdown,
        policy::Policy,
        register::{Arrival, Effect, EffectKind, Register, SubjectId},
        snapshot::{ContactRole, ContactRow, Lists, MemberRow, Observation, Record, Source},
        subject::{Address, OdsCode},
    },
    sources::{Census, DateOrder, ReadError, Rejected},
};

/// How many rejected rows a report names one by one.
const MOST_REJECTED_NAMED: usize = 1_000;
/// Of how many earlier days a report counts who is left out.
const MOST_DAYS_BACK: usize = 40;

/// What was counted so far.
#[derive(Debug)]
pub(super) struct Tally {
    report: LoadReport,
    lists: Lists,
    relisted: u64,
    countdown: Countdown,
    bad_dates: u64,
    repeated: u64,
    /// Rows about somebody at an address that another row gives to somebody else.
    contested: u64,
}

impl Tally {
    /// Nothing counted yet, of a file that describes `as_of`.
    pub(super) fn new(candidate: &Candidate, as_of: Date) -> Self {
        let summary = candidate.export.summary();
        let report = LoadReport {
            source: Some(candidate.export.source().as_str().to_owned()),
            as_of: Some(as_of),
            rows: summary.rows as u64,
            ignored_columns: summary.ignored_columns.clone(),
            missing_columns: summary.missing_columns.clone(),
            passed_over: summary.skipped as u64,
            unread: summary.unread.clone(),
            warnings: summary.warnings.clone(),
            date_order: Some(summary.date_order.to_string()),
            encoding: Some(summary.encoding.as_str().to_owned()),
            delimiter: summary.delimiter,
            day_first: (summary.date_order != DateOrder::Iso).then(|| summary.date_order.is_day_first()),
            has_sends: candidate.export.source() == Source::Sends,
            ..LoadReport::empty(&candidate.name)
        };
        Self {
            report,
            lists: Lists::default(),
            relisted: 0,
            countdown: Countdown::default(),
            bad_dates: 0,
            repeated: 0,
            contested: 0,
        }
    }

    /// What a row about a subject says of the policy.
    pub(super) fn compare(&mut self, row: &Observation, policy: &Policy) {
        self.countdown.see(row, policy);
    }

    /// A row about a subject; `is_relisted` says whether the source had listed it before the file where it is now, and
    /// `is_first` whether no earlier row of the file was about it.
    pub(super) fn count(&mut self, effect: Effect, is_relisted: bool, is_first: bool) {
        self.bad_dates += u64::from(effect.bad_dates);
        self.contested += u64::from(effect.is_contested);
        self.report.has_sends |= effect.tells_of_send;
        if !is_first {
            self.repeated += 1;
            return;
        }
        self.report.subjects += 1;
        self.relisted += u64::from(is_relisted);
        match effect.kind {
            EffectKind::New => self.report.new += 1,
            EffectKind::Changed => self.report.changed += 1,
            EffectKind::Unchanged => self.report.unchanged += 1,
            EffectKind::Waiting => self.report.waiting += 1,
        }
    }

    /// Rows that said nothing new, each about another subject that the source had listed where it is.
    pub(super) const fn count_unchanged(&mut self, rows: u64) {
        self.report.subjects += rows;
        self.report.unchanged += rows;
        self.relisted += rows;
    }

    /// A row that is about no subject; one that is comes back.
    pub(super) fn keep(&mut self, record: Record) -> Option<Box<Observation>> {
        match record {
            Record::Subject(row) => return Some(row),
            Record::Contact(row) => self.lists.contacts.push(*row),
            Record::Member(row) => self.lists.members.push(*row),
            Record::Site(row) => self.lists.sites.push(*row),
        }
        None
    }

    /// A row that cannot be loaded.
    pub(super) fn reject(&mut self, rejected: Rejected) {
        self.report.rejected_count += 1;
        self.report.concealed += u64::from(rejected.is_concealed);
        if self.report.rejected.len() < MOST_REJECTED_NAMED {
            self.report.rejected.push(RejectedRow::from(rejected));
        }
    }

    /// The report, and what the file lists besides subjects. `newest` is the day of the source's newest snapshot before; `absent` counts those
    /// whom the source has listed before and this file leaves out, by the day on which it last listed them.
    ///
    /// # Errors
    /// A list without a row that can be read would say that everybody is gone. That nobody sent is news, though.
    pub(super) fn finish(
        mut self,
        arrival: Arrival,
        newest: Option<Date>,
        census: Census,
        absent: BTreeMap<Date, u64>,
    ) -> Result<(LoadReport, Lists), ReadError> {
        self.check_any(arrival.source)?;
        // Of a site that stands there twice the newer word is taken up last, and counts.
        self.lists.sites.sort_by_key(|row| row.dspt_published_on);
        if !self.lists.is_empty() {
            self.report.subjects = self.lists.len() as u64;
        }
        let warnings = [
            overtaken(arrival, newest),
            counted(
                self.bad_dates,
                "date lies more than a day after the file's own day and counts as blank",
                "dates lie more than a day after the file's own day and count as blank",
            ),
            self.countdown.drift().map(|drift| drift.to_string()),
            counted(
                self.contested,
                "row has an address that another row of the day has with another id: find out whose it is",
                "rows have an address that another row of the day has with another id: find out whose it is",
            ),
            counted(
                self.repeated,
                "row is about an account that another row of the file names too",
                "rows are about an account that another row of the file names too",
            )
            .filter(|_| arrival.source != Source::Sends),
            noted(repeated(&self.lists.sites, |row| row.ods.key()), "rows about a site that an earlier row names too"),
            noted(
                repeated(&self.lists.contacts, told_by),
                "rows that give an address the same role at the same site and mailbox as an earlier row",
            ),
            noted(
                deserted(&self.lists.members),
                "mailboxes that only deleted people had a right to, so nobody opens them",
            ),
            counted(
                self.report.waiting,
                "address is in no export yet: what is said of it waits",
                "addresses are in no export yet: what is said of them waits",
            ),
        ];
        self.report.warnings.extend(warnings.into_iter().flatten());
        self.report.dates = census.into_columns();
        self.report.absent = absent;
        while self.report.absent.len() > MOST_DAYS_BACK {
            self.report.absent.pop_first();
        }
        self.report.relisted = Some(self.relisted);
        Ok((self.report, self.lists))
    }

    fn check_any(&self, source: Source) -> Result<(), ReadError> {
        if source == Source::Sends || self.report.subjects > 0 || !self.lists.is_empty() {
            return Ok(());
        }
        let (rows, concealed) = (self.report.rows, self.report.concealed);
        if concealed > 0 {
            return Err(ReadError::Concealed { concealed, rows });
        }
        let first = self.report.rejected.first();
        let first = first.map(|row| format!("line {}: {}", row.line, row.reason));
        Err(ReadError::NoRows { rows, first })
    }
}

fn noted(number: u64, what: &str) -> Option<String> {
    (number > 0).then(|| format!("{what}: {number}"))
}

/// How many rows say something of whom or what an earlier row does.
fn repeated<'a, T, K: Hash + Eq>(rows: &'a [T], key: impl Fn(&'a T) -> K) -> u64 {
    let mut seen = HashSet::new();
    rows.iter().filter(|row| !seen.insert(key(row))).count() as u64
}

/// What a row of contacts is about.
fn told_by(row: &ContactRow) -> (Option<Box<str>>, Option<&Address>, &Address, ContactRole) {
    (row.ods.as_ref().map(OdsCode::key), row.shared_mailbox.as_ref(), &row.address, row.role)
}

/// How many mailboxes have no member left.
fn deserted(rows: &[MemberRow]) -> u64 {
    let mailboxes =
        |is_left: fn(&&MemberRow) -> bool| rows.iter().filter(is_left).map(|row| &row.mailbox).collect::<HashSet<_>>();
    let opened = mailboxes(|row| row.member.is_some());
    mailboxes(|row| row.member.is_none()).difference(&opened).count() as u64
}

fn counted(number: u64, of_one: &str, of_many: &str) -> Option<String> {
    let what = if number == 1 { of_one } else { of_many };
    (number > 0).then(|| format!("{number} {what}"))
}

/// What an operator should know of a file that comes after a newer one. A list of contacts counts all the same.
fn overtaken(arrival: Arrival, newest: Option<Date>) -> Option<String> {
    let newest = newest.filter(|newest| *newest > arrival.as_of)?;
    let counts = arrival.source != Source::SiteContacts;
    counts.then(|| format!("one of {newest} is loaded already and is newer: its word stands where the two differ"))
}

/// A subject as its source had listed it before a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// Where it was.
    pub(super) address: Option<Address>,
    /// When it was listed last.
    pub(super) on: Date,
}

impl Listed {
    /// Whether the subject is where it was, or back where it once was.
    pub(super) fn is_still_at(&self, register: &Register, id: SubjectId) -> bool {
        let Some(subject) = register.find(id) else { return false };
        let now = subject.facts.address();
        now == self.address || now.is_some_and(|now| subject.former_addresses.contains(&now))
    }
}
