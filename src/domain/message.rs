//! What one person is told: notices, and the messages that carry them (domain rule 17).

use jiff::civil::Date;

use super::{
    plan::EpisodeId,
    policy::{Rule, Rung},
    register::SubjectId,
    subject::Address,
};

/// Why a recipient is told of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The stage was reached and its audience names the recipient.
    StageReached,
    /// The recipient joined because nobody in the audience is read, or because a mail server refused somebody (15, 25).
    Reach,
    /// The stage is a repeat of one told before (11).
    Repeat,
}

impl Reason {
    /// The word in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StageReached => "stage_reached",
            Self::Reach => "reach",
            Self::Repeat => "repeat",
        }
    }

    /// The reason of a stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::StageReached, Self::Reach, Self::Repeat].into_iter().find(|reason| reason.as_str() == word)
    }
}

/// The name of a stage, with its repeat: `silent`, `silent#2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageName(Box<str>);

impl StageName {
    /// The `nth` showing of a stage, the first being 1.
    #[must_use]
    pub fn nth(name: &str, nth: u32) -> Self {
        if nth <= 1 { Self(name.into()) } else { Self(format!("{name}#{nth}").into()) }
    }

    /// The name with its repeat.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as configured, without the repeat.
    #[must_use]
    pub fn base(&self) -> &str {
        self.0.split_once('#').map_or(&self.0, |(base, _)| base)
    }
}

impl std::fmt::Display for StageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One finding's stage, as one recipient is told of it.
///
/// The order of two notices is the order in which a message lists them: deadline, subject, rule, stage, all by code
/// point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Notice {
    /// The day on which the service acts.
    pub deadline_on: Date,
    /// The account or mailbox.
    pub subject: Address,
    /// The concern.
    pub rule: Rule,
    /// The warning.
    pub stage: StageName,
    /// The day the rule counts from.
    pub anchor_on: Date,
    /// The day the episode opened.
    pub episode_on: Date,
    /// Why this recipient hears of it.
    pub reason: Reason,
    /// The rung through which the recipient hears of it.
    pub rung: Rung,
    /// Whom it is about, by number.
    pub subject_id: SubjectId,
    /// Of which episode it is.
    pub episode_id: EpisodeId,
}

/// What sort of message it is (domain rule 17), in the order of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageKind {
    /// To owners, members, mailboxes and site contacts.
    Digest,
    /// To a person about their own account.
    Letter,
    /// To the operator.
    Operator,
}

impl MessageKind {
    /// The word in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Letter => "letter",
            Self::Operator => "operator",
        }
    }

    /// The kind of a stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Digest, Self::Letter, Self::Operator].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One email to one recipient. Messages of a plan sort by day, recipient, kind and then their first notice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message {
    /// The civil day of the run.
    pub on: Date,
    /// Whom it goes to.
    pub recipient: Address,
    /// What sort of message it is.
    pub kind: MessageKind,
    /// What it tells, in order; never empty.
    pub notices: Vec<Notice>,
}
