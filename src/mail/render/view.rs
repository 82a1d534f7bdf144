//! What content files can name: the brief, cleaned and put into words.
//!
//! Every field here is documented for the people who write content. A field that is not known is `none`; printing it is
//! an error, so content asks first (`{% if practice %}`).

use serde::Serialize;

use super::{
    brief::{Brief, NoticeBrief, SiteBrief, Voice},
    clean, content,
    day::Day,
};
use crate::{
    config,
    domain::policy::{Rule, Rung},
};

/// The fields of every message.
#[derive(Debug, Clone, Serialize)]
pub struct Common {
    /// Who the message is from.
    pub operator: Operator,
    /// What a reader quotes when asking whether the message is real.
    #[serde(rename = "ref")]
    pub reference: String,
    /// `Thursday 19 November 2026`: the day our information is from; none while nothing is loaded.
    pub data_as_of: Option<String>,
    /// Who follows "Dear": a name, or "colleagues".
    pub dear: String,
    /// The reader.
    pub reader: Reader,
}

/// `operator.*`
#[derive(Debug, Clone, Serialize)]
pub struct Operator {
    /// The bar of every message and the name of the sender.
    pub sender: String,
    /// The people who answer.
    pub team: String,
    /// The body they work for.
    pub org: String,
    /// Where a reader can check a message; none: no sentence offers a phone check.
    pub phone: Option<String>,
    /// The From address.
    #[serde(rename = "from")]
    pub from: String,
    /// The address that replies go to.
    pub reply: String,
}

/// `reader.*`: how the reader comes to hear of others' accounts.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question that content files ask")]
pub struct Reader {
    /// The name to sign with; none for a shared mailbox and for an unknown name.
    pub name: Option<String>,
    /// Owner of the shared mailboxes concerned.
    pub owner: bool,
    /// One of those who can open them.
    pub member: bool,
    /// The shared mailbox itself.
    pub mailbox: bool,
    /// The practices' contact.
    pub contact: bool,
    /// At how many practices.
    pub practices: usize,
}

/// `account.*`
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// Name, initials where names must not appear, or the address.
    pub name: String,
    /// The address; none where it would tell the name.
    pub address: Option<String>,
    /// It is a shared mailbox.
    pub shared: bool,
    /// The person's name is known and may appear.
    pub named: bool,
}

/// `owner.*` of a letter: whom the reader can turn to.
#[derive(Debug, Clone, Serialize)]
pub struct Owner {
    /// A name, or "your shared mailbox owner".
    pub name: String,
    /// The same at the start of a sentence.
    pub start: String,
    /// It is a name.
    pub known: bool,
}

/// `helpdesk.*`: who administers the account, and nobody else.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Helpdesk {
    /// As it reads inside a sentence.
    pub name: String,
    /// Its telephone number.
    pub phone: String,
    /// Its address.
    pub email: String,
    /// When it is open.
    pub hours: String,
    /// It is the national service.
    pub nas: bool,
}

/// `practice.*`
#[derive(Debug, Clone, Serialize)]
pub struct Practice {
    /// Its name, or its ODS code where the name cannot be shown.
    pub name: String,
    /// `Example Opticians, Anytown (ODS code TP1AB)`, as much of it as is known.
    pub label: String,
    /// Its ODS code.
    pub ods: String,
    /// Its shared mailbox.
    pub shared_mailbox: Option<String>,
}

impl Common {
    /// The fields of every message, of this one.
    #[must_use]
    pub fn of(brief: &Brief, voice: &Voice) -> Self {
        let reader = Reader::of(brief);
        let dear = if brief.recipient.is_shared_mailbox { None } else { clean::name(brief.recipient.name.as_deref()) };
        Self {
            operator: Operator::of(voice),
            reference: clean::line(&brief.reference, 30),
            data_as_of: brief.data_as_of.map(|on| Day::new(on, false).day),
            dear: dear.unwrap_or_else(|| if reader.mailbox { "colleagues" } else { "colleague" }.to_owned()),
            reader,
        }
    }
}

impl Operator {
    /// The words of the configuration.
    #[must_use]
    pub fn of(voice: &Voice) -> Self {
        let words = |text: &str| clean::line(text, 80);
        Self {
            sender: words(&voice.operator.sender),
            team: words(&voice.operator.team),
            org: words(&voice.operator.org),
            phone: voice.operator.phone.as_deref().map(words).filter(|phone| !phone.is_empty()),
            from: words(&voice.from),
            reply: words(&voice.reply),
        }
    }
}

impl Reader {
    fn of(brief: &Brief) -> Self {
        let all = |rung: Rung| brief.notices.iter().all(|notice| notice.rung == rung);
        let mailbox = brief.recipient.is_shared_mailbox;
        let name = if mailbox { None } else { clean::name(brief.recipient.name.as_deref()) };
        Self {
            name,
            owner: !mailbox && all(Rung::Owners),
            member: !mailbox && all(Rung::Members),
            mailbox,
            contact: !mailbox && all(Rung::SiteContact),
            practices: practices(brief),
        }
    }
}

fn practices(brief: &Brief) -> usize {
    let codes = brief.notices.iter().filter_map(|notice| notice.site.as_ref()).map(|site| clean::code(&site.ods));
    codes.collect::<std::collections::BTreeSet<_>>().len()
}

impl Account {
    /// The account of a notice, as this reader may see it.
    #[must_use]
    pub fn of(notice: &NoticeBrief, names_hidden: bool) -> Self {
        let (subject, address) = (&notice.subject, clean::address(&notice.subject.address));
        let name = clean::name(subject.name.as_deref());
        if names_hidden && !subject.shared {
            let name = clean::initials(name.as_deref(), &address);
            return Self { name, address: None, shared: false, named: false };
        }
        let named = name.is_some() && !subject.shared;
        let name = name.filter(|_| named).unwrap_or_else(|| address.clone());
        Self { name, address: Some(address), shared: subject.shared, named }
    }
}

/// Whether people appear as initials in this message (domain rule 17).
#[must_use]
pub const fn hides_names(brief: &Brief, voice: &Voice) -> bool {
    brief.recipient.is_shared_mailbox && !voice.names_in_shared_mailboxes
}

impl Owner {
    fn of(name: Option<&str>) -> Self {
        match clean::name(name) {
            Some(name) => Self { start: name.clone(), name, known: true },
            None => Self {
                name: "your shared mailbox owner".to_owned(),
                start: "Your shared mailbox owner".to_owned(),
                known: false,
            },
        }
    }
}

impl Helpdesk {
    /// The words of the configuration.
    #[must_use]
    pub fn of(helpdesk: &config::Helpdesk) -> Self {
        let words = |text: &str| clean::line(text, 80);
        Self {
            name: words(&helpdesk.name),
            phone: words(&helpdesk.phone),
            email: words(&helpdesk.email),
            hours: words(&helpdesk.hours),
            nas: helpdesk.national,
        }
    }
}

impl Practice {
    /// What of a site can be shown.
    #[must_use]
    pub fn of(site: &SiteBrief) -> Self {
        let ods = clean::code(&site.ods);
        let name = clean::place(&site.name);
        let town = site.town.as_deref().and_then(clean::place);
        let label = match (&name, town) {
            (Some(name), Some(town)) => format!("{name}, {town} (ODS code {ods})"),
            (Some(name), None) => format!("{name} (ODS code {ods})"),
            (None, Some(town)) => format!("{town} (ODS code {ods})"),
            (None, None) => format!("ODS code {ods}"),
        };
        let shared_mailbox = site.shared_mailbox.as_deref().map(clean::address);
        Self { name: name.unwrap_or_else(|| format!("ODS code {ods}")), label, ods, shared_mailbox }
    }
}

/// The fields of a letter, and of a digest of one notice.
#[derive(Debug, Clone, Serialize)]
pub struct Letter {
    /// Those of every message.
    #[serde(flatten)]
    pub common: Common,
    /// `inactivity`, `activation`, `password`, `leaver`, `restore` or `shared_mailbox`.
    pub rule: &'static str,
    /// The account or shared mailbox.
    pub account: Account,
    /// Whom the reader can turn to.
    pub owner: Owner,
    /// Who administers the account.
    pub helpdesk: Helpdesk,
    /// Where it belongs.
    pub practice: Option<Practice>,
    /// The practice's shared mailbox; the account itself when it is one.
    pub mailbox: Option<String>,
    /// The letter went to another address than the account's own.
    pub elsewhere: bool,
    /// The account was never used.
    pub never_used: bool,
    /// The last day on which acting helps.
    pub act_by: Day,
    /// `inactivity`, `activation`: becomes or became inactive. `password`: will, if nobody gets in.
    pub inactive_on: Option<Day>,
    /// `inactivity`, `activation`, `leaver`: the deadline. `password`: that of another date of the same account.
    pub delete_on: Option<Day>,
    /// `inactivity`: last used; none for an account that never was.
    pub last_used: Option<Day>,
    /// `inactivity`, `activation`: made, where it was never used.
    pub created_on: Option<Day>,
    /// `password`: the deadline.
    pub password_expires_on: Option<Day>,
    /// `leaver`: when it was marked.
    pub leaver_on: Option<Day>,
    /// `restore`: when it was deleted.
    pub deleted_on: Option<Day>,
    /// `restore`: the deadline.
    pub restore_until: Option<Day>,
    /// `shared_mailbox`: when it last sent; none when it was never seen sending.
    pub last_sent: Option<Day>,
    /// `shared_mailbox`: since when we have seen it send nothing.
    pub quiet_since: Option<Day>,
    /// `shared_mailbox`: the deadline.
    pub delete_from: Option<Day>,
    /// The account's other dates.
    pub others: Vec<Other>,
}

/// `others[]`: another date of the same account.
#[derive(Debug, Clone, Serialize)]
pub struct Other {
    /// `Password expires on 4 December 2026`.
    pub what: String,
    /// The last day on which acting helps.
    pub act_by: Day,
}

impl Letter {
    /// A letter, or a digest of one notice, led by `lead`.
    #[must_use]
    pub fn of(brief: &Brief, lead: &NoticeBrief, voice: &Voice) -> Self {
        let (rule, about) = (lead.rule, lead.approximate);
        let is = |rules: &[Rule]| rules.contains(&rule);
        let anchor = |rules: &[Rule]| is(rules).then(|| Day::new(lead.anchor_on, about));
        let deadline = |rules: &[Rule]| is(rules).then(|| Day::new(lead.deadline_on, about));
        let practice = lead.site.as_ref().map(Practice::of);
        let own = lead.subject.shared.then(|| clean::address(&lead.subject.address));
        Self {
            common: Common::of(brief, voice),
            rule: rule.as_str(),
            account: Account::of(lead, hides_names(brief, voice)),
            owner: Owner::of(someone_else(lead)),
            helpdesk: Helpdesk::of(&lead.helpdesk),
            mailbox: own.or_else(|| practice.as_ref().and_then(|practice| practice.shared_mailbox.clone())),
            practice,
            elsewhere: !brief.recipient.address.eq_ignore_ascii_case(&lead.subject.address),
            never_used: lead.never_used,
            act_by: act_by(lead, brief.today),
            inactive_on: inactive_on(lead, brief.today),
            delete_on: deadline(&[Rule::Inactivity, Rule::Activation, Rule::Leaver]).or_else(|| deletion(brief)),
            last_used: last_used(lead),
            created_on: lead.never_used.then(|| Day::new(lead.subject.created_on.unwrap_or(lead.anchor_on), false)),
            password_expires_on: deadline(&[Rule::Password]),
            leaver_on: anchor(&[Rule::Leaver]),
            deleted_on: anchor(&[Rule::Restore]),
            restore_until: deadline(&[Rule::Restore]),
            last_sent: lead.subject.last_sent_on.map(|date| Day::new(date, false)),
            quiet_since: anchor(&[Rule::SharedMailbox]),
            delete_from: deadline(&[Rule::SharedMailbox]),
            others: brief.notices.iter().skip(1).map(|other| Other::of(other, brief)).collect(),
        }
    }
}

impl Other {
    fn of(notice: &NoticeBrief, brief: &Brief) -> Self {
        Self { what: what(notice, brief.today, "%-d %B %Y"), act_by: act_by(notice, brief.today) }
    }
}

/// The owner, unless that is the reader: nobody is told to ask themselves.
fn someone_else(notice: &NoticeBrief) -> Option<&str> {
    notice.owner.as_deref().filter(|owner| Some(*owner) != notice.subject.name.as_deref())
}

/// The day before whatever happens next to the account.
#[must_use]
pub fn act_by(notice: &NoticeBrief, today: jiff::civil::Date) -> Day {
    Day::act_by(next_on(notice, today), today)
}

/// What happens next: it becomes inactive, or the deadline.
#[must_use]
pub fn next_on(notice: &NoticeBrief, today: jiff::civil::Date) -> jiff::civil::Date {
    let has_inactive = matches!(notice.rule, Rule::Inactivity | Rule::Activation);
    let inactive_on = notice.inactive_on.filter(|_| has_inactive && content::is_before_inactive(notice, today));
    inactive_on.unwrap_or(notice.deadline_on)
}

/// For a password, only a day to come: of a day that is past its sentence would be wrong.
fn inactive_on(notice: &NoticeBrief, today: jiff::civil::Date) -> Option<Day> {
    let told = notice.rule != Rule::Password || content::is_before_inactive(notice, today);
    notice.inactive_on.filter(|_| told).map(|date| Day::new(date, notice.approximate))
}

/// When an account with a password notice is deleted, where another notice of the same message says so.
fn deletion(brief: &Brief) -> Option<Day> {
    let deletes = |notice: &&NoticeBrief| matches!(notice.rule, Rule::Inactivity | Rule::Activation | Rule::Leaver);
    brief.notices.iter().find(deletes).map(|notice| Day::new(notice.deadline_on, notice.approximate))
}

fn last_used(notice: &NoticeBrief) -> Option<Day> {
    let anchor = (notice.rule == Rule::Inactivity).then_some(notice.anchor_on);
    let date = notice.subject.last_used_on.or(anchor).filter(|_| !notice.never_used)?;
    Some(Day::new(date, notice.approximate))
}

/// What will happen, and when: `Will be deleted on 24 November`.
#[must_use]
pub fn what(notice: &NoticeBrief, today: jiff::civil::Date, format: &str) -> String {
    let about = if notice.approximate { "about " } else { "" };
    let next = format!("{about}{}", next_on(notice, today).strftime(format));
    // Of an account's end nobody is told after its deadline, but of a password's.
    let is_past = notice.rule == Rule::Password && notice.deadline_on <= today;
    match notice.rule {
        Rule::Inactivity | Rule::Activation if content::is_before_inactive(notice, today) => {
            format!("Becomes inactive on {next}")
        }
        rule => happens(rule, &next, is_past),
    }
}

/// What happens on the deadline, given in words; or has happened, or was due.
#[must_use]
pub fn happens(rule: Rule, on: &str, is_past: bool) -> String {
    match rule {
        Rule::Inactivity | Rule::Activation | Rule::Leaver if is_past => format!("Deletion was due on {on}"),
        Rule::Activation => format!("Never used: will be deleted on {on}"),
        Rule::Inactivity => format!("Will be deleted on {on}"),
        Rule::Password if is_past => format!("Password expired on {on}"),
        Rule::Password => format!("Password expires on {on}"),
        Rule::Leaver => format!("Leaver: will be deleted on {on}"),
        Rule::Restore => format!("Deleted: can be restored until {on}"),
        Rule::SharedMailbox => format!("Can be deleted from {on}"),
    }
}
