//! `[breaker]` and `[adoption]`: when a run's messages are held until a person approves them.
use super::{
    section::Section,
    values::{flag, share, whole},
};
use crate::domain::breaker::Limits;

/// `[adoption]`: what becomes of the first messages (domain rule 20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adoption {
    /// The first run's messages, and the first of a rule that had no source before, wait for a person.
    pub hold: bool,
}

/// `[breaker]`
pub(super) fn read(mut section: Section<'_>) -> Option<Limits> {
    let enabled = section.value("enabled", flag);
    let [max_new_share, max_row_drop, max_bad_dates] =
        ["max_new_share", "max_row_drop", "max_bad_dates"].map(|name| section.value(name, share));
    let min_new = section.value("min_new", whole(0..=1_000_000));
    section.finish();
    Some(Limits {
        enabled: enabled?,
        max_new_share: max_new_share?,
        min_new: min_new?,
        max_row_drop: max_row_drop?,
        max_bad_dates: max_bad_dates?,
    })
}

/// `[adoption]`
pub(super) fn read_adoption(mut section: Section<'_>) -> Option<Adoption> {
    let hold = section.value("hold", flag);
    section.finish();
    Some(Adoption { hold: hold? })
}
