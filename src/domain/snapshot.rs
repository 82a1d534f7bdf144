//! What one file said: observations about subjects, contacts of sites, and the source that said it.
//!
//! Readers in `sources` build these values; [`crate::domain::register`] merges them. Dates are civil dates in the
//! policy's time zone already.

use jiff::civil::Date;

use super::subject::{Address, Kind, MfaState, MobileState, OdsCode, Status};

/// One kind of export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// NHSmail Portal Mailbox Report (F1).
    PortalMailbox,
    /// NHSmail Portal MFA status report (F2).
    PortalMfa,
    /// Graph users (F7).
    GraphUsers,
    /// Graph deleted users (F8).
    GraphDeleted,
    /// Exchange Online mailbox list (F10).
    ExchangeMailboxes,
    /// Exchange Online mailbox statistics (F11).
    ExchangeStatistics,
    /// Exchange Online mailbox permissions (F12).
    ExchangePermissions,
    /// Sends of mailboxes (F13): message trace, audit script or newest item of Sent Items.
    Sends,
    /// Microsoft 365 email activity (F3).
    EmailActivity,
    /// Microsoft 365 mailbox usage (F4).
    MailboxUsage,
    /// Microsoft 365 active users (F5).
    ActiveUsers,
    /// Microsoft 365 app users (F6).
    AppUsers,
    /// Entra download of users (F9).
    EntraUsers,
    /// Active Directory accounts (F14).
    AdUsers,
    /// The site contacts file (F15), the product's own.
    SiteContacts,
    /// ODS report: organisations and their names (F16).
    OdsReport,
    /// The canonical CSV (F18), for spreadsheets and tests.
    Canonical,
    /// DSPT list (F19), the operator's own.
    Dspt,
}

/// What a source is called, and how good its word is.
struct About {
    word: &'static str,
    title: &'static str,
    rank: u8,
    lists_subjects: bool,
}

impl Source {
    /// Every source this version reads.
    pub const ALL: [Self; 18] = [
        Self::PortalMailbox,
        Self::PortalMfa,
        Self::GraphUsers,
        Self::GraphDeleted,
        Self::ExchangeMailboxes,
        Self::ExchangeStatistics,
        Self::ExchangePermissions,
        Self::Sends,
        Self::EmailActivity,
        Self::MailboxUsage,
        Self::ActiveUsers,
        Self::AppUsers,
        Self::EntraUsers,
        Self::AdUsers,
        Self::SiteContacts,
        Self::OdsReport,
        Self::Canonical,
        Self::Dspt,
    ];

    const fn about(self) -> About {
        let (word, title, rank, lists_subjects) = match self {
            Self::PortalMailbox => ("portal_mailbox", "Portal Mailbox Report", 0, true),
            Self::PortalMfa => ("portal_mfa", "Portal MFA report", 0, false),
            Self::GraphUsers => ("graph_users", "Graph users", 1, true),
            Self::GraphDeleted => ("graph_deleted", "Graph deleted users", 1, true),
            Self::ExchangeMailboxes => ("exchange_mailboxes", "Exchange mailboxes", 2, true),
            Self::ExchangeStatistics => ("exchange_statistics", "Exchange statistics", 2, false),
            Self::ExchangePermissions => ("exchange_permissions", "Exchange permissions", 2, false),
            Self::Sends => ("sends", "Sends", 2, false),
            Self::EmailActivity => ("email_activity", "Microsoft 365 email activity", 3, true),
            Self::MailboxUsage => ("mailbox_usage", "Microsoft 365 mailbox usage", 3, true),
            Self::ActiveUsers => ("active_users", "Microsoft 365 active users", 3, true),
            Self::AppUsers => ("app_users", "Microsoft 365 app users", 3, true),
            Self::EntraUsers => ("entra_users", "Entra users", 4, true),
            Self::AdUsers => ("ad_users", "Active Directory accounts", 4, false),
            Self::SiteContacts => ("site_contacts", "Site contacts", 4, false),
            Self::OdsReport => ("ods_report", "ODS report", 4, false),
            Self::Canonical => ("canonical", "Canonical CSV", 4, true),
            Self::Dspt => ("dspt", "DSPT list", 4, false),
        };
        About { word, title, rank, lists_subjects }
    }

    /// The word in the store, in JSON and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.about().word
    }

    /// The name a person knows it by.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.about().title
    }

    /// The source of a stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }

    /// Who wins when two sources say different things on one day: the lower rank (domain rule 5). Sources of one
    /// rank are decided by name.
    #[must_use]
    pub const fn rank(self) -> u8 {
        self.about().rank
    }

    /// Whether each file is a whole list with one row a subject, so that a row that is not there says something and one
    /// that is the same says nothing new.
    #[must_use]
    pub const fn keeps_roll(self) -> bool {
        !matches!(self, Self::Sends | Self::ExchangePermissions | Self::SiteContacts | Self::OdsReport | Self::Dspt)
    }

    /// Whether files of this source would show a shared mailbox's sends, so that its silence can be seen in them. The
    /// email activity report covers licensed mailboxes, and few shared ones are.
    #[must_use]
    pub const fn watches_mailboxes(self) -> bool {
        !matches!(self, Self::EmailActivity)
    }

    /// Whether a row of this source makes its subject known. Facts of other sources about an unknown address wait.
    #[must_use]
    pub const fn lists_subjects(self) -> bool {
        self.about().lists_subjects
    }
}

/// One row of an export about one account or mailbox; `None` is blank and never erases what is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observation {
    /// Line of the row in its file, from 1; for JSON the line on which the object begins.
    pub line: u32,
    /// The source's stable id of the subject.
    pub id: Option<String>,
    /// Primary address.
    pub address: Option<Address>,
    /// Name as printed, control characters removed; hostile input all the same.
    pub display_name: Option<String>,
    /// What the row describes; `Unknown` is treated as blank.
    pub kind: Kind,
    /// Status word.
    pub status: Option<Status>,
    /// Site code.
    pub ods: Option<OdsCode>,
    /// Organisation's name.
    pub org_name: Option<String>,
    /// Day the account was made.
    pub created_on: Option<Date>,
    /// Evidence: newest use.
    pub last_activity_on: Option<Date>,
    /// Evidence: newest send.
    pub last_sent_on: Option<Date>,
    /// Day of the last password change.
    pub password_changed_on: Option<Date>,
    /// The password is exempt from expiry.
    pub password_never_expires: Option<bool>,
    /// Day the account was marked as a leaver's.
    pub leaver_on: Option<Date>,
    /// Day the account was deleted.
    pub deleted_on: Option<Date>,
    /// Whether log-in is enabled.
    pub enabled: Option<bool>,
    /// Whether the acceptable use policy has been accepted.
    pub aup_accepted: Option<bool>,
    /// Whether the account asks for a second factor.
    pub mfa: Option<MfaState>,
    /// What is known of the mobile number.
    pub mobile: Option<MobileState>,
    /// Day on which the source last touched the row: of all rows the newest is about the day of the report. No fact.
    pub updated_on: Option<Date>,
    /// Days until the service removes the account, as the source reckons. No fact either: rules count from dates.
    pub removal_in_days: Option<i16>,
}

/// What a contacts row says its address is to the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContactRole {
    /// Owner of the shared mailbox.
    Owner,
    /// Member of the shared mailbox.
    Member,
    /// The site's own contact, outside NHSmail or not.
    Site,
    /// Who administers the site's accounts: the helpdesk in the text, never an audience.
    Admin,
}

impl ContactRole {
    /// The word in the file and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
            Self::Site => "site",
            Self::Admin => "admin",
        }
    }

    /// Reads the word, any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let word = word.trim().to_lowercase();
        [Self::Owner, Self::Member, Self::Site, Self::Admin].into_iter().find(|role| role.as_str() == word)
    }
}

/// One row of the site contacts file (F15).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContactRow {
    /// Line of the row in its file, from 1.
    pub line: u32,
    /// Site code.
    pub ods: Option<OdsCode>,
    /// `optometry`, `pharmacy`, `dental`, `care`, `dac` or whatever the file says, lower case.
    pub sector: Option<String>,
    /// The site's name, for people.
    pub site_name: Option<String>,
    /// The town the site is in, when the file says; tells sites of one name apart.
    pub town: Option<String>,
    /// The site's shared mailbox.
    pub shared_mailbox: Option<Address>,
    /// Whom the row is about.
    pub address: Address,
    /// What the address is to the site.
    pub role: ContactRole,
    /// A second address of the same person.
    pub alternate_address: Option<Address>,
    /// `NAS` (the national service), or the name of a local helpdesk in the configuration.
    pub administered_by: Option<String>,
}

/// Somebody who may open a shared mailbox, as Exchange has it (F12). Being allowed in makes nobody its owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberRow {
    /// Line of the row in its file, from 1.
    pub line: u32,
    /// The mailbox.
    pub mailbox: Address,
    /// Who may open it or send as it; nobody who is there any more when blank.
    pub member: Option<Address>,
}

/// What a list says of an organisation (F16, F19).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRow {
    /// Line of the row in its file, from 1.
    pub line: u32,
    /// The organisation's code.
    pub ods: OdsCode,
    /// Its name.
    pub name: Option<String>,
    /// The town it is in.
    pub town: Option<String>,
    /// `optometry`, `pharmacy`, `dental`, `care` or `dac`, when the list is of one sector.
    pub sector: Option<String>,
    /// The code of the organisation it belongs to.
    pub parent: Option<OdsCode>,
    /// The day it opened.
    pub opened_on: Option<Date>,
    /// The day it closed.
    pub closed_on: Option<Date>,
    /// What its newest self-assessment of data security came to, in the list's words.
    pub dspt_status: Option<String>,
    /// The day that was published.
    pub dspt_published_on: Option<Date>,
}

/// What a file lists besides subjects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    /// Who looks after sites.
    pub contacts: Vec<ContactRow>,
    /// Who may open shared mailboxes.
    pub members: Vec<MemberRow>,
    /// Organisations.
    pub sites: Vec<SiteRow>,
}

impl Lists {
    /// How many rows there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.contacts.len() + self.members.len() + self.sites.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One record of any export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// About an account or mailbox.
    Subject(Box<Observation>),
    /// About who looks after a site.
    Contact(Box<ContactRow>),
    /// About who may open a shared mailbox.
    Member(Box<MemberRow>),
    /// About an organisation.
    Site(Box<SiteRow>),
}
