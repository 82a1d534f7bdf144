//! Which export feeds which rule, and what a rule lacks when a column is missing (domain rule 6).
//!
//! Two tables say it: what each format gives with which columns, and what each rule counts from. `load` asks about the
//! file it has read, `sources` about the newest file of each source and about those that nobody has loaded yet.

use super::{facts::Field, policy::Rule, snapshot::Source};

/// How well a file feeds a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feeding {
    /// As well as its format can.
    Full,
    /// The rule works, and says less than it could.
    Weaker,
    /// The rule learns nothing from it, though the format could tell.
    Off,
}

/// Why a column tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// The file does not have it.
    Missing,
    /// It is blank in every row.
    Blank,
}

/// What one file is to one rule that its format can feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The concern.
    pub rule: Rule,
    /// How well it is fed.
    pub feeding: Feeding,
    /// The columns it lacks.
    pub columns: Vec<&'static str>,
    /// What is lacking and what follows; empty when nothing is.
    pub why: String,
}

/// A field and the columns it is read from, by their usual names: any of them will do. Without a column it is what the
/// format is about.
type Given = (Field, &'static [&'static str]);

const PORTAL: &[Given] = &[
    (Field::Kind, &["MailboxType"]),
    (Field::Status, &["Status"]),
    (Field::CreatedOn, &["CreatedOn"]),
    (Field::LastActivityOn, &["LastLogIn"]),
    (Field::LeaverOn, &["MarkAsLeaverDate"]),
    (Field::AupAccepted, &["AUPStatus"]),
];

const GRAPH_USERS: &[Given] = &[
    (Field::CreatedOn, &["createdDateTime"]),
    (Field::LastActivityOn, &["signInActivity"]),
    (Field::PasswordChangedOn, &["lastPasswordChangeDateTime"]),
    (Field::PasswordNeverExpires, &["passwordPolicies"]),
];

const MAILBOX_USAGE: &[Given] = &[
    (Field::Kind, &["Recipient Type"]),
    (Field::CreatedOn, &["Created Date"]),
    (Field::LastActivityOn, &["Last Activity Date"]),
    (Field::Status, &["Is Deleted"]),
    (Field::DeletedOn, &["Deleted Date"]),
];

const EMAIL_ACTIVITY: &[Given] = &[
    (Field::LastActivityOn, &["Last Activity Date"]),
    (Field::Status, &["Is Deleted"]),
    (Field::DeletedOn, &["Deleted Date"]),
];

const ACTIVE_USERS: &[Given] = &[
    (
        Field::LastActivityOn,
        &[
            "Exchange Last Activity Date",
            "OneDrive Last Activity Date",
            "SharePoint Last Activity Date",
            "Teams Last Activity Date",
        ],
    ),
    (Field::Status, &["Is Deleted"]),
    (Field::DeletedOn, &["Deleted Date"]),
];

const CANONICAL: &[Given] = &[
    (Field::Kind, &["kind"]),
    (Field::Status, &["status"]),
    (Field::CreatedOn, &["created_at"]),
    (Field::LastActivityOn, &["last_activity_at"]),
    (Field::LastSentOn, &["last_sent_at"]),
    (Field::PasswordChangedOn, &["last_password_change_at"]),
    (Field::PasswordNeverExpires, &["password_never_expires"]),
    (Field::LeaverOn, &["leaver_at"]),
    (Field::DeletedOn, &["deleted_at"]),
    (Field::AupAccepted, &["aup_accepted"]),
];

/// What a file of a source gives that a rule goes by.
const fn given(source: Source) -> &'static [Given] {
    match source {
        Source::PortalMailbox => PORTAL,
        Source::GraphUsers => GRAPH_USERS,
        Source::GraphDeleted => &[(Field::Status, &[]), (Field::DeletedOn, &["deletedDateTime"])],
        Source::ExchangeMailboxes => &[(Field::Kind, &["RecipientTypeDetails"]), (Field::CreatedOn, &["WhenCreated"])],
        Source::ExchangeStatistics => &[(Field::LastActivityOn, &["LastUserActionTime", "LastInteractionTime"])],
        Source::Sends => &[(Field::LastSentOn, &[])],
        Source::EmailActivity => EMAIL_ACTIVITY,
        Source::MailboxUsage => MAILBOX_USAGE,
        Source::ActiveUsers => ACTIVE_USERS,
        Source::AppUsers => &[(Field::LastActivityOn, &["Last Activity Date"])],
        Source::EntraUsers => &[(Field::CreatedOn, &["createdDateTime"])],
        Source::Canonical => CANONICAL,
        Source::PortalMfa
        | Source::AdUsers
        | Source::ExchangePermissions
        | Source::SiteContacts
        | Source::OdsReport
        | Source::Dspt => &[],
    }
}

/// What a rule goes by.
struct Needs {
    /// Without one of these it is off.
    all: &'static [Field],
    /// Without one of these it is weaker, and how.
    better: &'static [(Field, &'static str)],
}

const NO_KIND: (Field, &str) = (Field::Kind, "an account whose kind no other export tells is left alone");

const fn needs(rule: Rule) -> Needs {
    match rule {
        Rule::Inactivity => Needs {
            all: &[Field::LastActivityOn],
            better: &[(Field::CreatedOn, "an account that was never used has nothing to count from"), NO_KIND],
        },
        Rule::Activation => Needs {
            all: &[Field::AupAccepted, Field::CreatedOn],
            better: &[(Field::LastActivityOn, "an account that was used counts as never used"), NO_KIND],
        },
        Rule::Password => Needs {
            all: &[Field::PasswordChangedOn],
            better: &[(Field::PasswordNeverExpires, "a password that never expires counts like any other"), NO_KIND],
        },
        Rule::Leaver => Needs {
            all: &[Field::Status],
            better: &[
                (Field::LeaverOn, "it counts from the day an export first says leaver, \"at least\" so long ago"),
                NO_KIND,
            ],
        },
        Rule::Restore => Needs {
            all: &[Field::Status],
            better: &[(Field::DeletedOn, "the day of the deletion is a guess, \"about\" then")],
        },
        Rule::SharedMailbox => Needs {
            all: &[Field::LastSentOn],
            better: &[
                (Field::CreatedOn, "a mailbox that never sent counts from the first list of sends"),
                (Field::Kind, "a mailbox whose kind no other export tells is left alone"),
            ],
        },
    }
}

/// Whether the source's status says more than that an account is deleted.
const fn names_leavers(source: Source) -> bool {
    matches!(source, Source::PortalMailbox | Source::Canonical)
}

/// What a file of `source` is to each rule that its format can feed; `lacks` says which columns tell nothing in it. A
/// rule that the format never feeds is not in the answer.
#[must_use]
pub fn feeds(source: Source, lacks: impl Fn(&str) -> Option<Lack>) -> Vec<Feed> {
    let can = |rule: &Rule| {
        let gives = |field: &Field| given(source).iter().any(|(given, _)| given == field);
        needs(*rule).all.iter().all(gives) && (*rule != Rule::Leaver || names_leavers(source))
    };
    Rule::ALL.into_iter().filter(can).map(|rule| feed(source, rule, &lacks)).collect()
}

/// The sources whose files feed a rule when they are complete.
pub fn feeders(rule: Rule) -> impl Iterator<Item = Source> {
    Source::ALL.into_iter().filter(move |source| feeds(*source, |_| None).iter().any(|feed| feed.rule == rule))
}

/// Whether a file gives a field. A file that gives no kind is of no use alone: of a subject of unknown kind only `restore`
/// is asked.
#[must_use]
pub fn gives(source: Source, field: Field, lacks: impl Fn(&str) -> Option<Lack>) -> bool {
    given(source).iter().any(|(given, columns)| *given == field && lack_of(columns, &lacks).is_none())
}

/// The sources whose complete files give a field.
pub fn givers(field: Field) -> impl Iterator<Item = Source> {
    Source::ALL.into_iter().filter(move |source| gives(*source, field, |_| None))
}

/// What a source that feeds no rule is there for.
#[must_use]
pub const fn instead(source: Source) -> &'static str {
    match source {
        Source::SiteContacts => "it says whom to tell",
        Source::ExchangePermissions => "it says who may open which shared mailbox",
        Source::ExchangeMailboxes => "it says which mailboxes are shared, and when they were made",
        Source::EntraUsers => "it says who may log in, and when accounts were made",
        Source::AdUsers => "it says who may log in",
        Source::PortalMfa => "it says who logs in with a second factor",
        Source::OdsReport => "it says what sites are called and where they are",
        Source::Dspt => "it says which sites have published their self-assessment",
        _ => "nothing in it is what a rule counts from",
    }
}

/// What a rule that nothing feeds waits for, in a few words.
#[must_use]
pub const fn waits_for(rule: Rule) -> &'static str {
    match rule {
        Rule::Activation => "who accepted the acceptable use policy",
        Rule::Inactivity => "days of use",
        Rule::Leaver => "which accounts are leavers'",
        Rule::Password => "password dates",
        Rule::Restore => "which accounts are deleted",
        Rule::SharedMailbox => "days of sends",
    }
}

fn feed(source: Source, rule: Rule, lacks: &impl Fn(&str) -> Option<Lack>) -> Feed {
    let Needs { all, better } = needs(rule);
    let columns_of =
        |field: Field| given(source).iter().find(|(given, _)| *given == field).map(|(_, columns)| *columns);
    let lacking = |field: Field| {
        let columns = columns_of(field)?;
        Some((columns, lack_of(columns, lacks)?))
    };
    let made = |feeding, (columns, lack): (&'static [&'static str], Lack), then: &str| {
        let why = format!("{}{then}", words(columns, lack));
        Feed { rule, feeding, columns: columns.to_vec(), why }
    };
    if let Some(lost) = all.iter().find_map(|field| lacking(*field)) {
        // Rule 6 takes an account of which no use is known as never used, and counts from its creation.
        let counts_anyway = rule == Rule::Inactivity
            && [Field::Kind, Field::CreatedOn].iter().all(|field| gives(source, *field, lacks));
        let then = ": what no other export says was used counts from its creation";
        return if counts_anyway { made(Feeding::Weaker, lost, then) } else { made(Feeding::Off, lost, "") };
    }
    // A column that is blank from top to bottom may well be: an export without a leaver has no leaver's date.
    let missed = |(field, then): &(Field, &'static str)| {
        lacking(*field).filter(|(_, lack)| *lack == Lack::Missing).map(|lost| (lost, *then))
    };
    match better.iter().find_map(missed) {
        Some((lost, then)) => made(Feeding::Weaker, lost, &format!(": {then}")),
        None => Feed { rule, feeding: Feeding::Full, columns: Vec::new(), why: String::new() },
    }
}

/// Why none of the columns tells anything; `None` when one does.
fn lack_of(columns: &[&'static str], lacks: &impl Fn(&str) -> Option<Lack>) -> Option<Lack> {
    let all: Option<Vec<_>> = columns.iter().map(|column| lacks(column)).collect();
    let all = all.filter(|all| !all.is_empty())?;
    Some(if all.contains(&Lack::Blank) { Lack::Blank } else { Lack::Missing })
}

/// `LastLogIn is not in the file`.
fn words(columns: &[&str], lack: Lack) -> String {
    let lack = match lack {
        Lack::Missing => "not in the file",
        Lack::Blank => "blank in every row",
    };
    match columns {
        [column] => format!("{column} is {lack}"),
        columns => format!("none of {} tells anything: {lack}", columns.join(", ")),
    }
}

/// Every column that a rule goes by, by source: the formats must miss each by this very name.
#[cfg(test)]
pub(crate) fn columns() -> impl Iterator<Item = (Source, &'static str)> {
    let of = |source| given(source).iter().flat_map(|(_, columns)| *columns).map(move |column| (source, *column));
    Source::ALL.into_iter().flat_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing<'a>(columns: &'a [&str]) -> impl Fn(&str) -> Option<Lack> + use<'a> {
        move |column| columns.contains(&column).then_some(Lack::Missing)
    }

    /// Rules with how well they are fed, as one line.
    fn told(source: Source, lacks: impl Fn(&str) -> Option<Lack>) -> String {
        let word = |feed: &Feed| match feed.feeding {
            Feeding::Full => feed.rule.to_string(),
            Feeding::Weaker => format!("{}: weaker", feed.rule),
            Feeding::Off => format!("{}: off", feed.rule),
        };
        feeds(source, lacks).iter().map(word).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_complete_file_feeds_what_its_format_can() {
        for (source, rules) in [
            (Source::PortalMailbox, "activation, inactivity, leaver, restore"),
            (Source::GraphUsers, "inactivity, password"),
            (Source::GraphDeleted, "restore"),
            (Source::MailboxUsage, "inactivity, restore"),
            (Source::AppUsers, "inactivity"),
            (Source::Sends, "shared_mailbox"),
            (Source::Canonical, "activation, inactivity, leaver, password, restore, shared_mailbox"),
            (Source::EntraUsers, ""),
            (Source::ExchangeMailboxes, ""),
            (Source::SiteContacts, ""),
        ] {
            assert_eq!(told(source, |_| None), rules, "{source:?}");
        }
    }

    #[test]
    fn a_missing_column_turns_off_what_counts_from_it_and_weakens_what_is_better_with_it() {
        let portal = |columns: &[&str]| told(Source::PortalMailbox, missing(columns));
        assert_eq!(portal(&["Mobile", "LastUpdated"]), "activation, inactivity, leaver, restore");
        assert_eq!(portal(&["MarkAsLeaverDate"]), "activation, inactivity, leaver: weaker, restore");
        assert_eq!(portal(&["Status"]), "activation, inactivity, leaver: off, restore: off");
        assert_eq!(portal(&["CreatedOn"]), "activation: off, inactivity: weaker, leaver, restore");
        assert_eq!(portal(&["LastLogIn", "CreatedOn"]), "activation: off, inactivity: off, leaver, restore");
        let graph = |columns: &[&str]| told(Source::GraphUsers, missing(columns));
        assert_eq!(graph(&["lastPasswordChangeDateTime"]), "inactivity, password: off");
        assert_eq!(graph(&["signInActivity"]), "inactivity: off, password");
        assert_eq!(graph(&["passwordPolicies"]), "inactivity, password: weaker");
    }

    #[test]
    fn without_a_day_of_use_accounts_count_from_their_creation_and_the_file_says_so() {
        let fed = feeds(Source::PortalMailbox, missing(&["LastLogIn"]));
        let inactivity = fed.iter().find(|feed| feed.rule == Rule::Inactivity).expect("the Portal feeds it");
        assert_eq!(inactivity.feeding, Feeding::Weaker);
        assert_eq!(
            inactivity.why,
            "LastLogIn is not in the file: what no other export says was used counts from its creation"
        );
        let activation = fed.iter().find(|feed| feed.rule == Rule::Activation).expect("the Portal feeds it");
        assert_eq!((activation.feeding, activation.columns.as_slice()), (Feeding::Weaker, &["LastLogIn"][..]));
    }

    #[test]
    fn one_of_several_columns_is_enough_and_a_blank_one_is_none() {
        let apps = [
            "Exchange Last Activity Date",
            "OneDrive Last Activity Date",
            "SharePoint Last Activity Date",
            "Teams Last Activity Date",
        ];
        assert_eq!(told(Source::ActiveUsers, missing(&apps[..3])), "inactivity, restore");
        assert_eq!(told(Source::ActiveUsers, missing(&apps)), "inactivity: off, restore");
        let blank = |blank: &'static str| move |column: &str| (column == blank).then_some(Lack::Blank);
        let fed = feeds(Source::GraphUsers, blank("lastPasswordChangeDateTime"));
        let why: Vec<_> = fed.iter().map(|feed| feed.why.as_str()).collect();
        assert_eq!(why, ["", "lastPasswordChangeDateTime is blank in every row"]);
        assert_eq!(
            told(Source::PortalMailbox, blank("MarkAsLeaverDate")),
            "activation, inactivity, leaver, restore",
            "no leaver has no leaver's date"
        );
    }

    #[test]
    fn every_rule_and_every_kind_has_somebody_who_could_tell() {
        for rule in Rule::ALL {
            assert!(feeders(rule).next().is_some(), "{rule}");
        }
        assert_eq!(feeders(Rule::SharedMailbox).collect::<Vec<_>>(), [Source::Sends, Source::Canonical]);
        assert!(givers(Field::Kind).any(|source| source == Source::PortalMailbox));
        assert!(!gives(Source::MailboxUsage, Field::Kind, missing(&["Recipient Type"])));
    }
}
