//! The names of a message: its Message-ID and the reference a reader can quote.
//!
//! Both are derived from the recipient, the notices and the alerts alone (rule 22), so the same message has the same
//! names whoever plans it, and is recognised everywhere.

use sha2::{Digest, Sha256};

use crate::domain::message::Message;

/// Letters and digits that nobody confuses on the telephone (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The names of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `NR-4K7P2-M2XQ9`: 50 bits, so that a national ledger of years holds no two alike.
    pub reference: String,
    /// Message-ID without angle brackets.
    pub message_id: String,
}

/// Names a message that is sent for `domain`; `bulletin` is what the operator is told besides notices.
#[must_use]
pub fn names(message: &Message, bulletin: Option<&str>, domain: &str) -> Names {
    let mut hasher = Sha256::new();
    hasher.update(format!("{}\n{}\n{}\n", message.on, message.kind.as_str(), message.recipient));
    for notice in &message.notices {
        let (subject, rule, stage) = (&notice.subject, notice.rule, &notice.stage);
        hasher.update(format!("{subject}|{rule}|{stage}|{}|{}\n", notice.episode_on, notice.anchor_on));
    }
    hasher.update(bulletin.unwrap_or_default());
    let digest = hasher.finalize();
    let letters: String = digest.iter().map(|byte| letter(*byte)).collect();
    let part = |from: usize, to: usize| letters.get(from..to).unwrap_or_default();
    Names {
        reference: format!("NR-{}-{}", part(0, 5), part(5, 10)),
        message_id: format!("{}@{domain}", letters.to_lowercase()),
    }
}

fn letter(byte: u8) -> char {
    ALPHABET.get(usize::from(byte % 32)).map_or('0', |letter| char::from(*letter))
}
