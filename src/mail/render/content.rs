//! Which content file tells a message.
//!
//! Ladders are configurable, so the choice rests on the rule and on where `today` stands; of a stage's name only
//! `final` counts.

use jiff::civil::Date;

use super::brief::{Brief, NoticeBrief};
use crate::domain::{message::MessageKind, policy::Rule};

/// This close to the deadline a reminder says that it is the last, whatever its stage is called.
const LAST_DAYS: i32 = 2;

/// The content file of a message; `None` for a brief that tells nothing.
///
/// - the operator's message has one file, and another when there are alerts;
/// - every digest of several notices has one file;
/// - a digest of one notice about a shared mailbox, or about a deletion, has a file of its own;
/// - in a letter the earliest deadline decides.
#[must_use]
pub fn choose(brief: &Brief) -> Option<&'static str> {
    if brief.kind == MessageKind::Operator && !brief.alerts.is_empty() {
        return Some("admin.alerts.md");
    }
    let lead = brief.notices.first()?;
    Some(match brief.kind {
        MessageKind::Operator => "admin.run.md",
        MessageKind::Letter => letter(lead, brief.today),
        MessageKind::Digest if brief.notices.len() == 1 => digest_of_one(lead, brief.today),
        MessageKind::Digest => "owner.digest.md",
    })
}

fn letter(notice: &NoticeBrief, today: Date) -> &'static str {
    match notice.rule {
        Rule::Inactivity => inactivity(notice, today),
        Rule::Activation if is_before_inactive(notice, today) => "user.activate_soon.md",
        Rule::Activation if is_last(notice, today) => "user.activate_final.md",
        Rule::Activation => "user.activate_due.md",
        Rule::Password if today < notice.deadline_on => "user.password_soon.md",
        Rule::Password => "user.password_expired.md",
        Rule::Leaver => "user.leaver_soon.md",
        Rule::Restore => "user.deleted.md",
        // A shared mailbox has no letter of its own; should one be asked for, the digest's words are true for it too.
        Rule::SharedMailbox => digest_of_one(notice, today),
    }
}

fn inactivity(notice: &NoticeBrief, today: Date) -> &'static str {
    match notice.inactive_on {
        Some(inactive_on) if today < inactive_on => "user.inactive_soon.md",
        _ if is_last(notice, today) => "user.delete_final.md",
        Some(inactive_on) if is_news(inactive_on, notice.deadline_on, today) => "user.inactive_now.md",
        _ => "user.delete_soon.md",
    }
}

fn digest_of_one(notice: &NoticeBrief, today: Date) -> &'static str {
    match notice.rule {
        Rule::SharedMailbox if today < notice.deadline_on => "owner.mailbox_quiet.md",
        Rule::SharedMailbox => "owner.mailbox_due.md",
        Rule::Restore if is_last(notice, today) => "owner.restore_final.md",
        Rule::Restore => "owner.account_deleted.md",
        _ => "owner.digest.md",
    }
}

/// Whether the account is still to become inactive.
#[must_use]
pub fn is_before_inactive(notice: &NoticeBrief, today: Date) -> bool {
    notice.inactive_on.is_some_and(|inactive_on| today < inactive_on)
}

/// Whether no reminder is to be expected after this one.
fn is_last(notice: &NoticeBrief, today: Date) -> bool {
    notice.stage.base() == "final" || days(today, notice.deadline_on) <= LAST_DAYS
}

/// In the first third of the time between inactive and deleted, that it is inactive is the news.
fn is_news(inactive_on: Date, deadline_on: Date, today: Date) -> bool {
    days(inactive_on, today) * 3 < days(inactive_on, deadline_on)
}

/// Days from one date to another; negative when it lies before.
fn days(from: Date, to: Date) -> i32 {
    from.until(to).map_or(i32::MAX, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan as _, civil::date};

    use super::*;
    use crate::{domain::message::StageName, mail::render::samples};

    /// A notice of `rule`, `left` days before its deadline, under a stage name of somebody's own.
    fn notice(rule: Rule, stage: &str, left: i32, today: Date) -> NoticeBrief {
        let mut notice = samples::notice(rule, "warn", today);
        notice.stage = StageName::nth(stage, 1);
        notice.deadline_on = today.saturating_add(left.days());
        let has_inactive = matches!(rule, Rule::Inactivity | Rule::Activation);
        notice.inactive_on = has_inactive.then(|| notice.deadline_on.saturating_sub(30.days()));
        notice
    }

    #[test]
    fn the_file_follows_the_rule_and_the_days_left() {
        let table = [
            (Rule::Inactivity, "nudge", 39, "user.inactive_soon.md", "owner.digest.md"),
            (Rule::Inactivity, "final", 31, "user.inactive_soon.md", "owner.digest.md"),
            (Rule::Inactivity, "inactive", 30, "user.inactive_now.md", "owner.digest.md"),
            (Rule::Inactivity, "a week later", 23, "user.inactive_now.md", "owner.digest.md"),
            (Rule::Inactivity, "warn", 15, "user.delete_soon.md", "owner.digest.md"),
            (Rule::Inactivity, "urgent", 7, "user.delete_soon.md", "owner.digest.md"),
            (Rule::Inactivity, "final", 3, "user.delete_final.md", "owner.digest.md"),
            (Rule::Inactivity, "tomorrow", 1, "user.delete_final.md", "owner.digest.md"),
            (Rule::Activation, "welcome", 53, "user.activate_soon.md", "owner.digest.md"),
            (Rule::Activation, "inactive", 30, "user.activate_due.md", "owner.digest.md"),
            (Rule::Activation, "urgent", 7, "user.activate_due.md", "owner.digest.md"),
            (Rule::Activation, "final", 3, "user.activate_final.md", "owner.digest.md"),
            (Rule::Password, "early", 30, "user.password_soon.md", "owner.digest.md"),
            (Rule::Password, "expired", 0, "user.password_expired.md", "owner.digest.md"),
            (Rule::Password, "my own", -4, "user.password_expired.md", "owner.digest.md"),
            (Rule::Leaver, "marked", 30, "user.leaver_soon.md", "owner.digest.md"),
            (Rule::Leaver, "final", 2, "user.leaver_soon.md", "owner.digest.md"),
            (Rule::Restore, "deleted", 30, "user.deleted.md", "owner.account_deleted.md"),
            (Rule::Restore, "urgent", 7, "user.deleted.md", "owner.account_deleted.md"),
            (Rule::Restore, "final", 4, "user.deleted.md", "owner.restore_final.md"),
            (Rule::Restore, "the day before", 1, "user.deleted.md", "owner.restore_final.md"),
            (Rule::SharedMailbox, "early", 60, "owner.mailbox_quiet.md", "owner.mailbox_quiet.md"),
            (Rule::SharedMailbox, "silent", 0, "owner.mailbox_due.md", "owner.mailbox_due.md"),
            (Rule::SharedMailbox, "silent#3", -61, "owner.mailbox_due.md", "owner.mailbox_due.md"),
        ];
        let today = date(2026, 11, 20);
        for (rule, stage, left, to_the_user, alone_in_a_digest) in table {
            let notice = notice(rule, stage, left, today);
            assert_eq!(letter(&notice, today), to_the_user, "{rule} {stage}, {left} days left");
            assert_eq!(digest_of_one(&notice, today), alone_in_a_digest, "{rule} {stage}, {left} days left");
        }
    }

    #[test]
    fn several_notices_make_a_digest_and_none_make_nothing() {
        let today = date(2026, 11, 20);
        let one = notice(Rule::Restore, "half", 15, today);
        let mut brief = samples::brief(MessageKind::Digest, vec![one.clone(), one], today);
        assert_eq!(choose(&brief), Some("owner.digest.md"));
        brief.notices.truncate(1);
        assert_eq!(choose(&brief), Some("owner.account_deleted.md"));
        brief.kind = MessageKind::Operator;
        assert_eq!(choose(&brief), Some("admin.run.md"));
        brief.notices.clear();
        assert_eq!(choose(&brief), None);
    }
}
