//! Somebody of whom nobody knew anything before one row, which is nearly everybody in the first file of a source.
//!
//! There is nothing to merge, so no subject is made to be written down: what is written is the row.

use jiff::civil::Date;

use super::{
    facts::Field,
    observe::{Effect, EffectKind, Told, is_bad, tells_of_send, told},
    record::{Arrival, SubjectId},
    snapshot::Observation,
};

/// The subject of a row whose id and address no other subject has or had.
#[derive(Debug)]
pub struct Newcomer {
    /// Its number.
    pub id: SubjectId,
    /// The file of the row.
    pub arrival: Arrival,
    /// All that is known of it.
    pub row: Box<Observation>,
}

impl Newcomer {
    /// What is known of it, by field; a date that the file cannot know is left out.
    pub fn facts(&self) -> impl Iterator<Item = (Field, Told<'_>)> {
        told(&self.row).filter(|(_, told)| !is_bad(told, self.arrival.as_of))
    }

    /// Whether a source has listed it.
    #[must_use]
    pub const fn is_listed(&self) -> bool {
        self.arrival.source.lists_subjects()
    }

    /// The day on which its source spoke of it, and no other has.
    #[must_use]
    pub const fn seen_on(&self) -> Date {
        self.arrival.as_of
    }

    /// What the row did.
    #[must_use]
    pub fn effect(&self) -> Effect {
        let kind = if self.is_listed() { EffectKind::New } else { EffectKind::Waiting };
        let bad = told(&self.row).filter(|(_, told)| is_bad(told, self.arrival.as_of)).count();
        let bad_dates = u32::try_from(bad).unwrap_or(u32::MAX);
        let tells_of_send = tells_of_send(self.arrival, &self.row);
        Effect { subject: self.id, kind, is_contested: false, bad_dates, tells_of_send }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            facts::SnapshotId,
            register::Register,
            snapshot::Source,
            testing::{on, policy, row, used},
        },
        *,
    };

    /// A row does to a register in which nobody is what it does here.
    #[test]
    fn a_newcomer_is_what_an_empty_register_makes_of_the_row() {
        for source in [Source::PortalMailbox, Source::PortalMfa, Source::Sends, Source::GraphUsers] {
            let arrival = Arrival { snapshot: SnapshotId(3), source, as_of: on("2026-11-20") };
            for says in [
                row("ada"),
                used("ada", "2026-11-01"),
                Observation { last_sent_on: Some(on("2026-11-19")), ..row("ada") },
                Observation { last_sent_on: Some(on("2026-11-30")), created_on: Some(on("2026-12-01")), ..row("ada") },
            ] {
                let mut register = Register::default();
                let effect = register.observe(arrival, &says, &policy());
                let newcomer = Newcomer { id: effect.subject, arrival, row: Box::new(says) };
                assert_eq!(newcomer.effect(), effect);
                let subject = register.find(effect.subject).expect("there");
                let facts: Vec<_> = newcomer.facts().map(|(field, told)| (field, told.to_value())).collect();
                assert_eq!(
                    facts,
                    subject.facts.said().map(|(field, fact)| (field, fact.value.clone())).collect::<Vec<_>>()
                );
                assert_eq!(newcomer.is_listed(), subject.is_listed());
                assert_eq!(subject.seen_on.get(&source), Some(&newcomer.seen_on()));
            }
        }
    }
}
