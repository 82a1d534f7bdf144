//! Who rules look at: the words an export uses for an account, as values.
//!
//! Reads and writes nothing. Every type here is built from text that somebody else wrote, so each constructor
//! normalises (case, blanks) and none of them can fail in a way that loses a row.

use std::fmt;

/// An email address as a key: trimmed, lower case, without an `SMTP:` prefix.
///
/// Two spellings of one mailbox are one `Address`. The text is whatever the export held: it is checked for the
/// shape of an address by the reader, not here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Box<str>);

impl Address {
    /// Normalises `text` to the key form.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let trimmed = text.trim();
        let bare = match trimmed.get(..5) {
            Some(prefix) if prefix.eq_ignore_ascii_case("smtp:") => trimmed.get(5..).unwrap_or_default(),
            _ => trimmed,
        };
        Self(bare.to_lowercase().into())
    }

    /// The key form, lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last `@`; empty when there is none.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An ODS code (the organisation's code in the NHS directory), upper case.
///
/// Dental codes are printed with and without a further `0` after the `V` (`V03462`, `V003462`); [`OdsCode::key`] folds
/// them (domain rule 14).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OdsCode(Box<str>);

impl OdsCode {
    /// Normalises `text`; `None` when it is blank.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let code = text.trim().to_uppercase();
        (!code.is_empty()).then(|| Self(code.into()))
    }

    /// The code as printed, upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form two codes of one site share: `V0…`, `V00…` collapsed to `V…`.
    #[must_use]
    pub fn key(&self) -> Box<str> {
        match self.0.strip_prefix("V0") {
            Some(rest) => format!("V{}", rest.trim_start_matches('0')).into(),
            None => self.0.clone(),
        }
    }
}

impl fmt::Display for OdsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of thing an export row describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Kind {
    /// A person's account.
    User,
    /// A shared mailbox.
    Shared,
    /// A room or a piece of equipment: no rule asks about it.
    Resource,
    /// An account used by software: `leaver` and `restore` only, and read by nobody.
    Application,
    /// An account handed from person to person (`locum`, `admin`): treated as a user account.
    Role,
    /// The source does not say: only `restore` is asked.
    #[default]
    Unknown,
}

impl Kind {
    const SPELLINGS: [(&'static str, Self); 12] = [
        ("user", Self::User),
        ("usermailbox", Self::User),
        ("shared", Self::Shared),
        ("sharedmailbox", Self::Shared),
        ("resource", Self::Resource),
        ("room", Self::Resource),
        ("equipment", Self::Resource),
        ("roommailbox", Self::Resource),
        ("equipmentmailbox", Self::Resource),
        ("application", Self::Application),
        ("applicationaccount", Self::Application),
        ("role", Self::Role),
    ];

    /// The word in the store and in the canonical CSV.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Shared => "shared",
            Self::Resource => "resource",
            Self::Application => "application",
            Self::Role => "role",
            Self::Unknown => "unknown",
        }
    }

    /// Reads any spelling seen in an export (`User`, `UserMailbox`, `SharedMailbox`, `ApplicationAccount`, …).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let spelling = Self::SPELLINGS.iter().find(|(spelling, _)| text.eq_ignore_ascii_case(spelling));
        spelling.map_or(Self::Unknown, |(_, kind)| *kind)
    }

    /// A person's account: the kinds that `inactivity`, `activation` and `password` look at.
    #[must_use]
    pub const fn is_user(self) -> bool {
        matches!(self, Self::User | Self::Role)
    }
}

/// An account status, as the portal words it.
///
/// The word is kept as printed. What it means for the rules is asked by the methods (domain rule 6).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(Box<str>);

impl Status {
    /// Words that mean the portal is busy with the account.
    const IN_FLIGHT: [&'static str; 6] =
        ["enabling", "disabling", "deleting", "restoring", "pending", "migrationpending"];

    /// Words for an account that goes on.
    const LIVE: [&'static str; 3] = ["active", "inactive", "locked"];

    /// Keeps the word; `None` when it is blank.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let word = text.trim();
        (!word.is_empty()).then(|| Self(word.into()))
    }

    /// The word as printed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn letters(&self) -> impl Iterator<Item = char> {
        self.0.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
    }

    fn begins(&self, word: &str) -> bool {
        let mut letters = self.letters();
        word.chars().all(|letter| letters.next() == Some(letter))
    }

    fn holds(&self, word: &str) -> bool {
        self.letters().collect::<String>().contains(word)
    }

    /// `Deleted`, `Deleted_Permanent` and whatever else begins so.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.begins("deleted")
    }

    /// Deleted, and past restoring.
    #[must_use]
    pub fn is_deleted_permanently(&self) -> bool {
        self.is_deleted() && self.holds("permanent")
    }

    /// `Disabled`, `Disabled_Leaver` and whatever else begins so.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.begins("disabled")
    }

    /// Enabling, Disabling, Deleting, Restoring, Pending, Migration Pending: the account's episodes rest.
    #[must_use]
    pub fn is_in_flight(&self) -> bool {
        Self::IN_FLIGHT.iter().any(|word| self.letters().eq(word.chars()))
    }

    /// Marks the account as a leaver.
    #[must_use]
    pub fn is_leaver(&self) -> bool {
        self.holds("leaver")
    }

    /// Whether the portal is known to use the word.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.is_live() || self.is_leaver() || Self::LIVE.iter().any(|word| self.letters().eq(word.chars()))
    }

    /// Any status but deleted, disabled and those in flight.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !(self.is_deleted() || self.is_disabled() || self.is_in_flight())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All that is kept of a mobile number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MobileState {
    /// A UK mobile number (`07…` or `+447…`) is on record.
    WellFormed,
    /// A number is on record, but not a UK mobile's.
    Malformed,
    /// The holder hides it: never treat this as missing.
    Hidden,
}

impl MobileState {
    /// The word in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WellFormed => "well_formed",
            Self::Malformed => "malformed",
            Self::Hidden => "hidden",
        }
    }

    /// Reads a cell and forgets the number; `None` when the cell is blank.
    #[must_use]
    pub fn of_cell(cell: &str) -> Option<Self> {
        let digits: String = cell.chars().filter(char::is_ascii_digit).collect();
        let text = cell.trim();
        match text {
            "" => None,
            _ if text.eq_ignore_ascii_case("hidden") => Some(Self::Hidden),
            _ if digits.len() == 11 && digits.starts_with("07") => Some(Self::WellFormed),
            _ if digits.len() == 12 && digits.starts_with("447") => Some(Self::WellFormed),
            _ => Some(Self::Malformed),
        }
    }
}

/// Whether an account asks for a second factor.
///
/// Sources have a dozen words for it, for who switched it on and why. Nobody here asks that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MfaState {
    /// Switched on, by its user or for them.
    On,
    /// Not switched on.
    Off,
}

impl MfaState {
    /// The word in the store and in the canonical CSV.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }

    /// Reads any spelling seen in an export (`User Enabled`, `MFA Enforced Compromised`, `Not Enabled`, …); `None` for a
    /// word that is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        match letters.to_ascii_lowercase().as_str() {
            "on" | "true" | "yes" | "1" | "enabled" | "userenabled" | "adminenabled" | "enforced" => Some(Self::On),
            "off" | "false" | "no" | "0" | "disabled" | "notenabled" | "userdisabled" | "admindisabled" => {
                Some(Self::Off)
            }
            word => word.starts_with("mfaenforced").then_some(Self::On),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_key_however_it_is_spelt() {
        for spelling in ["Ada.Example@nhs.net", " ada.example@NHS.NET ", "SMTP:Ada.Example@nhs.net"] {
            assert_eq!(Address::new(spelling).as_str(), "ada.example@nhs.net");
        }
        assert_eq!(Address::new("a@b@nhs.net").domain(), "nhs.net");
        assert_eq!(Address::new("no-at-sign").domain(), "");
    }

    #[test]
    fn dental_codes_share_a_key_with_and_without_the_nought() {
        let keys: Vec<_> =
            ["V03462", "v3462", "V003462"].iter().filter_map(|c| OdsCode::new(c)).map(|c| c.key()).collect();
        assert_eq!(keys, [Box::from("V3462"), Box::from("V3462"), Box::from("V3462")]);
        assert_eq!(OdsCode::new("  "), None);
    }

    #[test]
    fn status_words_sort_into_live_deleted_disabled_and_in_flight() {
        let table = [
            ("Active", true, false, false, false),
            ("Inactive", true, false, false, false),
            ("Active (Leaver)", true, false, false, true),
            ("Locked", true, false, false, false),
            ("Deleted", false, true, false, false),
            ("Deleted_Permanent", false, true, false, false),
            ("Disabled", false, false, false, false),
            ("Disabled_Leaver", false, false, false, true),
            ("Migration Pending", false, false, true, false),
            ("Deleting", false, false, true, false),
        ];
        for (word, live, deleted, in_flight, leaver) in table {
            let status = Status::new(word).expect("not blank");
            assert_eq!(status.is_live(), live, "{word} live");
            assert_eq!(status.is_deleted(), deleted, "{word} deleted");
            assert_eq!(status.is_in_flight(), in_flight, "{word} in flight");
            assert_eq!(status.is_leaver(), leaver, "{word} leaver");
            assert!(status.is_known(), "{word} known");
        }
        let unheard_of = Status::new("Hibernating").expect("not blank");
        assert!(unheard_of.is_live() && !unheard_of.is_known());
        assert!(Status::new("Deleted_Permanent").is_some_and(|s| s.is_deleted_permanently()));
    }

    #[test]
    fn every_word_for_a_second_factor_is_on_or_off() {
        for word in ["Enabled", "User Enabled", "admin enabled", "MFA Enforced Admin Role", "MFA Enforced ATP Group"] {
            assert_eq!(MfaState::parse(word), Some(MfaState::On), "{word}");
        }
        for word in ["Disabled", "Not Enabled", "User Disabled", "ADMIN DISABLED", "off"] {
            assert_eq!(MfaState::parse(word), Some(MfaState::Off), "{word}");
        }
        assert_eq!(MfaState::parse("Perhaps Enabled"), None);
    }

    #[test]
    fn of_a_mobile_number_only_its_state_is_kept() {
        assert_eq!(MobileState::of_cell("07700 900123"), Some(MobileState::WellFormed));
        assert_eq!(MobileState::of_cell("+44 7700 900123"), Some(MobileState::WellFormed));
        assert_eq!(MobileState::of_cell("7700900123"), Some(MobileState::Malformed));
        assert_eq!(MobileState::of_cell("Hidden"), Some(MobileState::Hidden));
        assert_eq!(MobileState::of_cell(" "), None);
    }
}
