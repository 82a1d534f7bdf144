//! Who is told: which addresses stand on which rung, who of them is read, and whom a notice must reach besides
//! (domain rules 13 to 16).

use std::collections::BTreeSet;

use super::{
    facts::Field,
    message::Reason,
    plan::Planning,
    policy::{Rule, Rung, Stage},
    register::{Register, Subject},
    subject::{Address, Kind, OdsCode},
};

/// A recipient of a notice: the widest claim first (rung of the audience before a rung that joined).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient {
    /// Whom it goes to.
    pub address: Address,
    /// Through which rung.
    pub rung: Rung,
    /// Why.
    pub reason: Reason,
}

/// The audience of one stage of one finding, found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    /// Everybody who is told, one entry each.
    pub recipients: Vec<Recipient>,
    /// Nobody but the operator reads it (rule 16).
    pub is_operator_only: bool,
}

/// Answers questions about addresses on one day.
#[derive(Debug, Clone, Copy)]
pub struct Directory<'a> {
    register: &'a Register,
    planning: Planning<'a>,
}

impl<'a> Directory<'a> {
    /// The directory of a day.
    #[must_use]
    pub const fn new(register: &'a Register, planning: Planning<'a>) -> Self {
        Self { register, planning }
    }

    /// Whether somebody reads what is sent to an address (rule 13).
    ///
    /// - A live user account active within 28 days (the 28th counts).
    /// - A live shared mailbox with such an owner or member among known accounts.
    /// - An address that is no subject, unless its domain is one whose accounts are loaded.
    /// - Never one that a mail server refused, until a newer fact says that somebody is there (25); nor through one.
    #[must_use]
    pub fn is_read(&self, address: &Address) -> bool {
        if self.planning.gates.is_unreachable(self.register, address) {
            return false;
        }
        match self.register.find_by_address(address) {
            Some(subject) if subject.facts.kind() == Kind::Shared => self.is_mailbox_read(subject, address),
            Some(subject) => self.is_account_read(subject),
            None => !self.planning.policy.covers(address),
        }
    }

    fn is_account_read(&self, account: &Subject) -> bool {
        let since = self.planning.today.saturating_sub(jiff::Span::new().days(self.planning.policy.read_within_days));
        let is_active = account.facts.date(Field::LastActivityOn).is_some_and(|used_on| used_on >= since);
        account.facts.kind().is_user() && account.is_live() && is_active
    }

    fn is_mailbox_read(&self, mailbox: &Subject, address: &Address) -> bool {
        let contacts = self.register.contacts();
        let mut people = contacts.owners(address).chain(contacts.members(address));
        let reads = |person: &Address| {
            let is_there = !self.planning.gates.is_unreachable(self.register, person);
            is_there && self.register.find_by_address(person).is_some_and(|found| self.is_account_read(found))
        };
        mailbox.is_live() && people.any(reads)
    }

    /// The mailboxes of a subject (rule 14): those that the contacts file lists it under, and its site's.
    #[must_use]
    pub fn mailboxes(&self, subject: &Subject) -> BTreeSet<Address> {
        let own = subject.address();
        if subject.facts.kind() == Kind::Shared {
            return BTreeSet::from([own]);
        }
        let contacts = self.register.contacts();
        let listed = contacts.mailboxes_of_person(&own).cloned();
        let of_site = subject.facts.ods().map(|ods| self.mailboxes_of_site(&ods)).unwrap_or_default();
        listed.chain(of_site).collect()
    }

    /// Every address that a question about a subject may touch: who is told of it on any rung, and who reads there.
    #[must_use]
    pub fn circle(&self, subject: &Subject) -> BTreeSet<Address> {
        let contacts = self.register.contacts();
        let people = |mailbox: &Address| -> Vec<Address> {
            contacts.owners(mailbox).chain(contacts.members(mailbox)).cloned().collect()
        };
        let (own, mailboxes) = (subject.address(), self.mailboxes(subject));
        let of_site = subject.facts.ods().map(|ods| contacts.site_contacts(&ods).cloned().collect::<Vec<_>>());
        let mut circle: BTreeSet<_> = mailboxes.iter().flat_map(people).collect();
        circle.extend(contacts.alternate(&own).cloned());
        circle.extend(of_site.into_iter().flatten());
        circle.extend(mailboxes);
        circle.extend([own, self.planning.policy.operator.clone()]);
        // Whoever is told may be a mailbox again.
        let readers: Vec<_> = circle.iter().flat_map(people).collect();
        circle.extend(readers);
        circle
    }

    fn mailboxes_of_site(&self, ods: &OdsCode) -> BTreeSet<Address> {
        let named: BTreeSet<_> = self.register.contacts().mailboxes_of_site(ods).cloned().collect();
        if !named.is_empty() {
            return named;
        }
        match self.register.exported_mailboxes(ods) {
            [only] => BTreeSet::from([only.clone()]),
            _ => BTreeSet::new(),
        }
    }

    /// The addresses on a rung, those left out everywhere already gone (rule 14).
    #[must_use]
    pub fn rung(&self, subject: &Subject, rung: Rung) -> BTreeSet<Address> {
        let contacts = self.register.contacts();
        let of_mailboxes = |people: &dyn Fn(&Address) -> Vec<Address>| {
            self.mailboxes(subject).iter().flat_map(people).collect::<BTreeSet<_>>()
        };
        let everybody = match rung {
            Rung::User if subject.facts.kind() == Kind::Shared => BTreeSet::new(),
            Rung::User => {
                let own = subject.address();
                contacts.alternate(&own).cloned().into_iter().chain([own.clone()]).collect()
            }
            Rung::Owners => of_mailboxes(&|mailbox| contacts.owners(mailbox).cloned().collect()),
            Rung::SiteMailbox => self.mailboxes(subject),
            Rung::Members => of_mailboxes(&|mailbox| contacts.members(mailbox).cloned().collect()),
            Rung::SiteContact => {
                subject.facts.ods().map(|ods| contacts.site_contacts(&ods).cloned().collect()).unwrap_or_default()
            }
            Rung::Operator => BTreeSet::from([self.planning.policy.operator.clone()]),
        };
        everybody.into_iter().filter(|address| self.is_reachable(address)).collect()
    }

    /// An address that is a deleted or disabled account or shared mailbox is left out everywhere (rule 14).
    fn is_reachable(&self, address: &Address) -> bool {
        !address.as_str().is_empty() && !self.register.find_by_address(address).is_some_and(Subject::is_closed)
    }

    /// Who is told of a stage: its audience, and further rungs until somebody reads it (rules 14 to 16).
    #[must_use]
    pub fn audience(&self, subject: &Subject, rule: Rule, stage: &Stage, is_repeat: bool) -> Audience {
        let told = if is_repeat { Reason::Repeat } else { Reason::StageReached };
        let mut gathering = Gathering::new(self, subject, rule, stage);
        for rung in Rung::ALL.into_iter().filter(|rung| stage.audience.contains(rung)) {
            gathering.join(rung, told);
        }
        for rung in Rung::ALL.into_iter().filter(|rung| !stage.audience.contains(rung)) {
            if gathering.is_read {
                break;
            }
            gathering.join(rung, Reason::Reach);
        }
        Audience { is_operator_only: !gathering.is_read, recipients: gathering.recipients }
    }

    /// The next rung that a refused notice climbs to: the first beyond those already told on which somebody stands
    /// (rules 15 and 25).
    #[must_use]
    pub fn climb(&self, subject: &Subject, rule: Rule, stage: &Stage, told: &BTreeSet<Address>) -> Vec<Recipient> {
        let mut gathering = Gathering::new(self, subject, rule, stage);
        for rung in Rung::ALL {
            gathering.join(rung, Reason::Reach);
            gathering.recipients.retain(|recipient| !told.contains(&recipient.address));
            if !gathering.recipients.is_empty() {
                break;
            }
        }
        gathering.recipients
    }
}

/// Recipients as rungs join.
struct Gathering<'a> {
    directory: &'a Directory<'a>,
    subject: &'a Subject,
    rule: Rule,
    left_out: Option<Address>,
    recipients: Vec<Recipient>,
    is_read: bool,
}

impl<'a> Gathering<'a> {
    fn new(directory: &'a Directory<'a>, subject: &'a Subject, rule: Rule, stage: &Stage) -> Self {
        let is_past_welcome = rule == Rule::Activation && stage.name != "welcome";
        let left_out = (is_past_welcome && subject.is_never_used()).then(|| subject.address());
        let recipients = Vec::new();
        Self { directory, subject, rule, left_out, recipients, is_read: false }
    }

    fn join(&mut self, rung: Rung, reason: Reason) {
        for address in self.directory.rung(self.subject, rung) {
            if self.left_out.as_ref() == Some(&address) {
                continue;
            }
            self.is_read |= self.counts_as_read(&address);
            if !self.recipients.iter().any(|known| known.address == address) {
                self.recipients.push(Recipient { address, rung, reason });
            }
        }
    }

    /// Whether somebody besides the operator reads it. The operator stays the operator on whatever rung (16), and for
    /// `leaver` the subject and its alternate address do not count (15).
    fn counts_as_read(&self, address: &Address) -> bool {
        let own = self.subject.address();
        let contacts = self.directory.register.contacts();
        let is_own = *address == own || contacts.alternate(&own) == Some(address);
        let is_operator = *address == self.directory.planning.policy.operator;
        !(is_operator || self.rule == Rule::Leaver && is_own) && self.directory.is_read(address)
    }
}

/// Whether an address is the subject's own or its alternate: then it is told in a letter (rule 17).
#[must_use]
pub fn is_own_address(register: &Register, subject: &Subject, address: &Address) -> bool {
    let own = subject.address();
    subject.facts.kind() != Kind::Shared && (*address == own || register.contacts().alternate(&own) == Some(address))
}

#[cfg(test)]
#[path = "recipient_tests.rs"]
mod tests;
