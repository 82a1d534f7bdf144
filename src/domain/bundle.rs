//! Which message a notice belongs to: letters, digests and the operator's, each bundled for its recipient (domain
//! rule 17).

use std::{cmp::Ordering, collections::BTreeMap};

use jiff::civil::Date;

use super::{
    evaluate::Showing,
    message::{Message, MessageKind, Notice, StageName},
    plan::Planning,
    policy::Rule,
    recipient::{Recipient, is_own_address},
    register::{Register, Subject, SubjectId},
    subject::Address,
};

/// The key of a message: recipient, kind, whose letter, which notice stands alone, and whether it is held.
type Key = (Address, MessageKind, Option<SubjectId>, Option<(SubjectId, Rule, StageName)>, bool);

/// Notices on their way into messages.
#[derive(Debug, Default)]
pub(super) struct Bundles(BTreeMap<Key, Vec<Notice>>);

impl Bundles {
    /// Puts what a recipient is told of a showing into the message it belongs to.
    pub(super) fn put(
        &mut self,
        planning: Planning,
        register: &Register,
        subject: &Subject,
        showing: &Showing,
        recipient: &Recipient,
        notice: Notice,
    ) {
        let key = key(planning, register, subject, showing, notice.rule, recipient);
        self.0.entry(key).or_default().push(notice);
    }

    /// Every message of a day, sorted.
    pub(super) fn messages(self, on: Date) -> Vec<Message> {
        assemble(on, self.0)
    }

    /// Those that leave and those that wait for a person, each sorted.
    pub(super) fn leaving_and_held(self, on: Date) -> (Vec<Message>, Vec<Message>) {
        let (held, leaving) = self.0.into_iter().partition(|((.., is_held), _)| *is_held);
        (assemble(on, leaving), assemble(on, held))
    }
}

/// The operator's one message takes what comes to the operator's address through whatever rung.
fn key(
    planning: Planning,
    register: &Register,
    subject: &Subject,
    showing: &Showing,
    rule: Rule,
    recipient: &Recipient,
) -> Key {
    let kind = if recipient.address == planning.policy.operator {
        MessageKind::Operator
    } else if is_own_address(register, subject, &recipient.address) {
        MessageKind::Letter
    } else {
        MessageKind::Digest
    };
    let letter_of = (kind == MessageKind::Letter).then_some(subject.id);
    let is_alone = showing.stage.alone && kind != MessageKind::Operator;
    let alone = is_alone.then(|| (subject.id, rule, showing.name.clone()));
    (recipient.address.clone(), kind, letter_of, alone, planning.gates.holds(rule))
}

fn assemble(on: Date, bundles: BTreeMap<Key, Vec<Notice>>) -> Vec<Message> {
    let mut messages: Vec<_> = bundles
        .into_iter()
        .map(|((recipient, kind, ..), mut notices)| {
            notices.sort();
            // Two addresses that refused the same stage climb to the same people: one row is enough.
            notices.dedup();
            Message { on, recipient, kind, notices }
        })
        .collect();
    // Two subjects can have one address: messages that say the same of both are one, for they would have one name.
    messages.sort_by(in_other_words);
    messages.dedup_by(|again, first| {
        let is_again = in_other_words(again, first).is_eq();
        if is_again {
            first.notices.append(&mut again.notices);
            first.notices.sort();
        }
        is_again
    });
    messages.sort();
    messages
}

/// How two messages differ for who reads them.
fn in_other_words(one: &Message, other: &Message) -> Ordering {
    fn said(message: &Message) -> impl Iterator<Item = (&Address, Rule, &StageName, Date, Date)> {
        message.notices.iter().map(|said| (&said.subject, said.rule, &said.stage, said.episode_on, said.anchor_on))
    }
    let to = (one.kind, &one.recipient).cmp(&(other.kind, &other.recipient));
    to.then_with(|| said(one).cmp(said(other)))
}
