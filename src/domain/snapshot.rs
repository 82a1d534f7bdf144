//! What one file said: observations about subjects, contacts of sites, and the source that said it.
//!
//! Readers in `sources` build these values; [`crate::domain::register`] merges them. Dates are civil dates in the
//! policy's time zone already.

use jiff::civil::Date;

use super::subject::{Address, Kind, MobileState, OdsCode, Status};

/// One kind of export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// NHSmail Portal Mailbox Report (F1).
    PortalMailbox,
    /// Graph users (F7).
    GraphUsers,
    /// Sends of mailboxes (F13): message trace, audit script or newest item of Sent Items.
    Sends,
    /// The site contacts file (F15), the product's own.
    SiteContacts,
    /// The canonical CSV (F18), for spreadsheets and tests.
    Canonical,
}

impl Source {
    /// Every source this version reads.
    pub const ALL: [Self; 5] =
        [Self::PortalMailbox, Self::GraphUsers, Self::Sends, Self::SiteContacts, Self::Canonical];

    /// The word in the store, in JSON and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PortalMailbox => "portal_mailbox",
            Self::GraphUsers => "graph_users",
            Self::Sends => "sends",
            Self::SiteContacts => "site_contacts",
            Self::Canonical => "canonical",
        }
    }

    /// The name a person knows it by.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::PortalMailbox => "Portal Mailbox Report",
            Self::GraphUsers => "Graph users",
            Self::Sends => "Sends",
            Self::SiteContacts => "Site contacts",
            Self::Canonical => "Canonical CSV",
        }
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
        match self {
            Self::PortalMailbox => 0,
            Self::GraphUsers => 1,
            Self::Sends => 2,
            Self::SiteContacts | Self::Canonical => 4,
        }
    }

    /// Whether a row of this source makes its subject known. Facts of other sources about an unknown address wait.
    #[must_use]
    pub const fn lists_subjects(self) -> bool {
        matches!(self, Self::PortalMailbox | Self::GraphUsers | Self::Canonical)
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
    /// Multi-factor authentication word.
    pub mfa: Option<String>,
    /// What is known of the mobile number.
    pub mobile: Option<MobileState>,
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

/// One record of any export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// About an account or mailbox.
    Subject(Box<Observation>),
    /// About who looks after a site.
    Contact(Box<ContactRow>),
}
