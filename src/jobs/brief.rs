//! What a message needs to be written, gathered from the register: the people, the site, the dates, the helpdesk.
//!
//! Chooses no words and makes nothing safe: the renderer does both.

use jiff::civil::Date;

use crate::{
    config::{Config, Helpdesk},
    domain::{
        evaluate::{Standing, standing},
        facts::Field,
        gates,
        message::{Message, MessageKind, Notice, Reason},
        names,
        plan::Planning,
        policy::{Rule, Rung},
        recipient::Directory,
        register::{Register, Subject},
        snapshot::{ContactRole, ContactRow, Source},
        subject::{Address, Kind},
    },
    mail::render::{Brief, NoticeBrief, Person, SiteBrief, SubjectBrief},
};

/// The word in the contacts file that means the national service, and what a blank means.
const NATIONAL: &str = "nas";

/// Gathers briefs from one state of the register.
pub struct Briefing<'a> {
    config: &'a Config,
    register: &'a Register,
    directory: Directory<'a>,
    today: Date,
}

impl<'a> Briefing<'a> {
    /// A briefing for a day.
    #[must_use]
    pub fn new(config: &'a Config, register: &'a Register, today: Date) -> Self {
        let planning = Planning { policy: &config.policy, calendar: &config.calendar, today, gates: &gates::OPEN };
        Self { config, register, directory: Directory::new(register, planning), today }
    }

    /// Everything one message needs.
    #[must_use]
    pub fn brief(&self, message: &Message, reference: &str) -> Brief {
        let mut notices: Vec<_> =
            message.notices.iter().filter_map(|notice| Some((notice, self.notice(notice)?))).collect();
        // Two subjects can have one address: what is the same of both is said once. Of those without one nobody knows
        // that they are the same.
        let has_address = |notice: &Notice| !notice.subject.as_str().is_empty();
        notices.dedup_by(|(notice, brief), (_, before)| has_address(notice) && brief == before);
        let as_ofs = message.notices.iter().filter_map(|notice| self.as_of(notice));
        Brief {
            kind: message.kind,
            recipient: self.recipient(message),
            reference: reference.to_owned(),
            today: self.today,
            data_as_of: as_ofs.min().or_else(|| self.newest_as_of()),
            notices: notices.into_iter().map(|(_, brief)| brief).collect(),
            alerts: Vec::new(),
        }
    }

    /// A letter goes to its account's holder, at whichever address.
    fn recipient(&self, message: &Message) -> Person {
        let subject = match (message.kind, message.notices.first()) {
            (MessageKind::Letter, Some(notice)) => self.register.find(notice.subject_id),
            _ => self.register.find_by_address(&message.recipient),
        };
        let kind = subject.map_or(Kind::Unknown, |subject| subject.facts.kind());
        let is_rung = message.notices.iter().any(|notice| notice.rung == Rung::SiteMailbox);
        let is_shared_mailbox = kind == Kind::Shared || (is_rung && subject.is_none());
        let name = subject.filter(|_| !is_shared_mailbox).and_then(person_name);
        Person { name, address: message.recipient.as_str().to_owned(), is_shared_mailbox }
    }

    fn notice(&self, notice: &Notice) -> Option<NoticeBrief> {
        let subject = self.register.find(notice.subject_id)?;
        let watched_since_on = self.register.sends_watched_since();
        let dates = match standing(&self.config.policy, subject, notice.rule, watched_since_on) {
            Standing::Counts(dates) => Some(dates),
            Standing::NotAsked | Standing::NoDate => None,
        };
        Some(NoticeBrief {
            rule: notice.rule,
            stage: notice.stage.clone(),
            rung: notice.rung,
            reason: self.reason(subject, notice),
            anchor_on: notice.anchor_on,
            deadline_on: notice.deadline_on,
            inactive_on: dates.and_then(|dates| dates.inactive_on),
            approximate: dates.is_some_and(|dates| dates.is_approximate),
            never_used: subject.is_never_used(),
            subject: subject_brief(subject, watched_since_on),
            site: self.site(subject),
            owner: self.owner(subject),
            helpdesk: self.helpdesk(subject),
        })
    }

    /// The operator reads "only you" beside a finding that nobody else reads about (rule 16).
    fn reason(&self, subject: &Subject, notice: &Notice) -> Reason {
        let stages = &self.config.policy.rule(notice.rule).stages;
        let stage = stages.iter().find(|stage| stage.name == notice.stage.base());
        let is_operator_only = stage.filter(|_| notice.rung == Rung::Operator).is_some_and(|stage| {
            self.directory.audience(subject, notice.rule, stage, notice.reason == Reason::Repeat).is_operator_only
        });
        match (notice.rung, is_operator_only) {
            (Rung::Operator, true) => Reason::Reach,
            (Rung::Operator, false) => Reason::StageReached,
            _ => notice.reason,
        }
    }

    /// The as-of of what a notice rests on: the age of the data that the message admits.
    fn as_of(&self, notice: &Notice) -> Option<Date> {
        let subject = self.register.find(notice.subject_id)?;
        match notice.rule {
            Rule::Password => subject.facts.get(Field::PasswordChangedOn).map(|fact| fact.as_of),
            Rule::SharedMailbox => self.register.snapshots(Source::Sends).and_then(|days| days.last().copied()),
            _ => subject.as_of(),
        }
    }

    /// The day that the newest export describes.
    fn newest_as_of(&self) -> Option<Date> {
        let newest = |source| self.register.snapshots(source)?.last().copied();
        Source::ALL.into_iter().filter(|source| *source != Source::SiteContacts).filter_map(newest).max()
    }

    fn rows_of(&self, subject: &Subject) -> Vec<&'a ContactRow> {
        let contacts = self.register.contacts();
        let of_site = subject.facts.ods().map(|ods| contacts.rows_of_site(&ods).collect::<Vec<_>>());
        of_site.filter(|rows| !rows.is_empty()).unwrap_or_else(|| {
            let mailboxes = self.directory.mailboxes(subject);
            mailboxes.iter().flat_map(|mailbox| contacts.rows_of_mailbox(mailbox)).collect()
        })
    }

    /// The practice of an account or mailbox, as far as it is known.
    #[must_use]
    pub fn site(&self, subject: &Subject) -> Option<SiteBrief> {
        let rows = self.rows_of(subject);
        let own_ods = subject.facts.ods();
        let ods = own_ods.or_else(|| rows.iter().find_map(|row| row.ods.clone()))?;
        let listed = rows.iter().find_map(|row| row.site_name.as_deref());
        let known = self.register.sites().find(&ods);
        let registered = known.and_then(|site| site.name.as_deref());
        let name = listed.or(registered).or(subject.facts.org_name()).unwrap_or(ods.as_str());
        let town = rows.iter().find_map(|row| row.town.as_deref());
        Some(SiteBrief {
            name: names::place(name),
            town: town.or(known.and_then(|site| site.town.as_deref())).map(names::place),
            shared_mailbox: self.directory.mailboxes(subject).first().map(|mailbox| mailbox.as_str().to_owned()),
            ods: ods.as_str().to_owned(),
        })
    }

    /// The name of the person whose account it is; none for a shared mailbox.
    #[must_use]
    pub fn name(&self, subject: &Subject) -> Option<String> {
        subject_brief(subject, self.register.sends_watched_since()).name
    }

    /// The owner a letter sends its reader to: one who reads mail if there is one, and never the reader.
    fn owner(&self, subject: &Subject) -> Option<String> {
        let own = subject.address();
        let owners: Vec<Address> =
            self.directory.rung(subject, Rung::Owners).into_iter().filter(|owner| *owner != own).collect();
        let read = owners.iter().filter(|owner| self.directory.is_read(owner)).chain(&owners);
        read.filter_map(|owner| self.register.find_by_address(owner)).find_map(person_name)
    }

    /// Who administers the account: by its own contacts row, else its site's (rule 14, `admin` rows).
    fn helpdesk(&self, subject: &Subject) -> Helpdesk {
        let rows = self.rows_of(subject);
        let own = subject.address();
        let own_row = rows.iter().filter(|row| row.address == own);
        let word = own_row.chain(&rows).find_map(|row| row.administered_by.as_deref()).unwrap_or(NATIONAL);
        let key = word.trim().to_lowercase();
        self.config.helpdesks.get(&key).cloned().unwrap_or_else(|| unlisted_helpdesk(word, &rows))
    }
}

/// A local helpdesk that the configuration does not describe: its name, and what the `admin` row says.
fn unlisted_helpdesk(word: &str, rows: &[&ContactRow]) -> Helpdesk {
    let admin = rows.iter().find(|row| row.role == ContactRole::Admin);
    Helpdesk {
        name: word.trim().to_owned(),
        phone: String::new(),
        email: admin.map(|row| row.address.as_str().to_owned()).unwrap_or_default(),
        hours: String::new(),
        national: false,
    }
}

fn person_name(subject: &Subject) -> Option<String> {
    names::person(subject.facts.display_name()?)
}

fn subject_brief(subject: &Subject, watched_since_on: Option<Date>) -> SubjectBrief {
    let shared = subject.facts.kind() == Kind::Shared;
    SubjectBrief {
        name: if shared { None } else { person_name(subject) },
        address: subject.address().as_str().to_owned(),
        shared,
        last_used_on: subject.facts.date(Field::LastActivityOn),
        created_on: subject.facts.date(Field::CreatedOn),
        last_sent_on: subject.facts.date(Field::LastSentOn),
        watched_since_on,
    }
}
