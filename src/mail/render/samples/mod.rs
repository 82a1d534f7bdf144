//! Invented messages: every rule, stage and branch, for `preview`, `check` and the tests. Nobody in here exists.
mod alerts;
mod people;

use jiff::{
    ToSpan as _,
    civil::{Date, date},
};

use self::people::{eyecare, local, mailbox, named_only, national, opticians, person, to};
use super::brief::{Brief, NoticeBrief, Person, SiteBrief, SubjectBrief};
use crate::domain::{
    message::{MessageKind, Reason, StageName},
    policy::{Rule, Rung},
};

/// The day on which the samples are made.
pub const TODAY: Date = date(2026, 11, 20);

/// The default ladders: rule, stage, days left to the deadline.
const STAGES: [(Rule, &str, i32); 27] = [
    (Rule::Inactivity, "nudge", 39),
    (Rule::Inactivity, "inactive", 30),
    (Rule::Inactivity, "warn", 15),
    (Rule::Inactivity, "urgent", 7),
    (Rule::Inactivity, "final", 3),
    (Rule::Activation, "welcome", 53),
    (Rule::Activation, "remind", 39),
    (Rule::Activation, "inactive", 30),
    (Rule::Activation, "warn", 15),
    (Rule::Activation, "urgent", 7),
    (Rule::Activation, "final", 3),
    (Rule::Password, "early", 30),
    (Rule::Password, "remind", 14),
    (Rule::Password, "urgent", 7),
    (Rule::Password, "expired", 0),
    (Rule::Leaver, "marked", 30),
    (Rule::Leaver, "remind", 16),
    (Rule::Leaver, "urgent", 7),
    (Rule::Leaver, "final", 2),
    (Rule::Restore, "deleted", 30),
    (Rule::Restore, "half", 15),
    (Rule::Restore, "urgent", 7),
    (Rule::Restore, "final", 2),
    (Rule::SharedMailbox, "early", 61),
    (Rule::SharedMailbox, "remind", 30),
    (Rule::SharedMailbox, "urgent", 14),
    (Rule::SharedMailbox, "silent", 0),
];

/// The day a rule's notice counts from, so many days before the deadline.
const fn reach(rule: Rule) -> i32 {
    match rule {
        Rule::Inactivity | Rule::Activation => 60,
        Rule::Leaver | Rule::Restore => 30,
        Rule::Password => 365,
        Rule::SharedMailbox => 184,
    }
}

/// A notice about an invented account, at a stage of the default ladders.
#[must_use]
pub fn notice(rule: Rule, stage: &str, today: Date) -> NoticeBrief {
    let is_it = |(r, s, _): &&(Rule, &str, i32)| *r == rule && *s == stage;
    let left = STAGES.iter().find(is_it).map_or(7, |(.., left)| *left);
    let deadline_on = today.saturating_add(left.days());
    let anchor_on = deadline_on.saturating_sub(reach(rule).days());
    let has_inactive = matches!(rule, Rule::Inactivity | Rule::Activation);
    let mut notice = NoticeBrief {
        rule,
        stage: StageName::nth(stage, 1),
        rung: Rung::User,
        reason: Reason::StageReached,
        anchor_on,
        deadline_on,
        inactive_on: has_inactive.then(|| deadline_on.saturating_sub(30.days())),
        approximate: false,
        never_used: rule == Rule::Activation,
        subject: person("Sam Sample", "sam.sample1@nhs.net"),
        site: Some(opticians()),
        owner: Some("Alex Owens".to_owned()),
        helpdesk: national(),
    };
    notice.subject.last_used_on = (rule == Rule::Inactivity).then_some(anchor_on);
    notice.subject.created_on = (rule == Rule::Activation).then_some(anchor_on);
    if rule == Rule::SharedMailbox {
        notice.subject = mailbox("optometry.tp1ab@nhs.net", Some(anchor_on));
    }
    notice
}

/// A message of these notices.
#[must_use]
pub fn brief(kind: MessageKind, notices: Vec<NoticeBrief>, today: Date) -> Brief {
    let (name, address) = match kind {
        MessageKind::Letter => ("Sam Sample", "sam.sample1@nhs.net"),
        MessageKind::Digest => ("Alex Owens", "alex.owens@nhs.net"),
        MessageKind::Operator => ("Reminders team", "help@anyshire.example"),
    };
    Brief {
        kind,
        recipient: to(name, address),
        reference: "NR-4K7P-2M".to_owned(),
        today,
        data_as_of: Some(today.saturating_sub(1.days())),
        notices,
        alerts: Vec::new(),
    }
}

/// Every sample, by name.
#[must_use]
pub fn all() -> Vec<(String, Brief)> {
    let mut samples = Vec::new();
    for (rule, stage, _) in STAGES {
        let one = notice(rule, stage, TODAY);
        if rule != Rule::SharedMailbox {
            samples.push((format!("letter.{rule}.{stage}"), letter(one.clone())));
        }
        samples.push((format!("digest.{rule}.{stage}"), digest(Rung::Owners, vec![one])));
    }
    let named = |(name, brief): (&str, Brief)| (name.to_owned(), brief);
    samples.extend(letters().into_iter().map(named));
    samples.extend(digests_of_one().into_iter().map(named));
    samples.extend(digests().into_iter().map(named));
    samples.extend(operator().into_iter().map(named));
    samples.extend(alerts::all().into_iter().map(named));
    samples
}

/// The branches of letters.
fn letters() -> Vec<(&'static str, Brief)> {
    let of = |rule, stage, change: fn(&mut NoticeBrief)| letter(changed(notice(rule, stage, TODAY), change));
    let unknown: fn(&mut NoticeBrief) = |notice| {
        notice.owner = None;
        notice.site = None;
    };
    let run_by_a_board: fn(&mut NoticeBrief) = |notice| notice.helpdesk = local();
    let by_somebody: fn(&mut NoticeBrief) = |notice| notice.helpdesk = named_only();
    let elsewhere = |mut brief: Brief| {
        brief.recipient = to("Sam Sample", "sam@family.example");
        brief
    };
    vec![
        ("letter.inactivity.nudge.never_used", of(Rule::Inactivity, "nudge", never_used)),
        ("letter.inactivity.inactive.never_used", of(Rule::Inactivity, "inactive", never_used)),
        ("letter.inactivity.warn.never_used", of(Rule::Inactivity, "warn", never_used)),
        ("letter.inactivity.warn.no_owner", of(Rule::Inactivity, "warn", unknown)),
        ("letter.inactivity.warn.local", of(Rule::Inactivity, "warn", run_by_a_board)),
        ("letter.inactivity.final.no_owner", of(Rule::Inactivity, "final", unknown)),
        ("letter.inactivity.final.late", of(Rule::Inactivity, "final", |notice| notice.deadline_on = TODAY)),
        ("letter.inactivity.warn.others", with_others()),
        ("letter.inactivity.warn.no_name", nameless(of(Rule::Inactivity, "warn", |notice| notice.subject.name = None))),
        ("letter.activation.urgent.no_owner", of(Rule::Activation, "urgent", unknown)),
        ("letter.password.expired.inactive", of(Rule::Password, "expired", soon_inactive)),
        ("letter.password.expired.deleted", expired_and_unused()),
        ("letter.inactivity.warn.named", of(Rule::Inactivity, "warn", by_somebody)),
        ("letter.password.expired.named", of(Rule::Password, "expired", by_somebody)),
        ("letter.leaver.remind.named", of(Rule::Leaver, "remind", by_somebody)),
        ("letter.restore.half.named", elsewhere(of(Rule::Restore, "half", by_somebody))),
        ("letter.password.expired.local", of(Rule::Password, "expired", run_by_a_board)),
        ("letter.leaver.remind.about", of(Rule::Leaver, "remind", |notice| notice.approximate = true)),
        ("letter.leaver.remind.local", of(Rule::Leaver, "remind", run_by_a_board)),
        ("letter.restore.half.elsewhere", elsewhere(of(Rule::Restore, "half", |notice| notice.approximate = true))),
        ("letter.restore.half.local", elsewhere(of(Rule::Restore, "half", run_by_a_board))),
        ("letter.restore.half.no_owner", elsewhere(of(Rule::Restore, "half", unknown))),
    ]
}

/// The branches of digests that tell one thing.
fn digests_of_one() -> Vec<(&'static str, Brief)> {
    let of = |rung, rule, stage, change: fn(&mut NoticeBrief)| {
        digest(rung, vec![changed(notice(rule, stage, TODAY), change)])
    };
    let same: fn(&mut NoticeBrief) = |_| {};
    let never_sent: fn(&mut NoticeBrief) = |notice| notice.subject.last_sent_on = None;
    let run_by_a_board: fn(&mut NoticeBrief) = |notice| notice.helpdesk = local();
    let by_somebody: fn(&mut NoticeBrief) = |notice| notice.helpdesk = named_only();
    let of_somebody: fn(&mut NoticeBrief) = |notice| {
        notice.helpdesk = named_only();
        notice.subject = mailbox("pharmacy.fx9zz@nhs.net", None);
    };
    let a_mailbox: fn(&mut NoticeBrief) = |notice| notice.subject = mailbox("pharmacy.fx9zz@nhs.net", None);
    let unknown: fn(&mut NoticeBrief) = |notice| {
        notice.site = None;
        notice.subject.name = None;
        notice.approximate = true;
    };
    vec![
        ("digest.shared_mailbox.urgent.itself", of(Rung::SiteMailbox, Rule::SharedMailbox, "urgent", same)),
        ("digest.shared_mailbox.urgent.member", of(Rung::Members, Rule::SharedMailbox, "urgent", never_sent)),
        ("digest.shared_mailbox.silent.never_sent", of(Rung::Owners, Rule::SharedMailbox, "silent", never_sent)),
        ("digest.shared_mailbox.silent.third", of(Rung::Owners, Rule::SharedMailbox, "silent", third_time)),
        ("digest.restore.half.mailbox", of(Rung::SiteMailbox, Rule::Restore, "half", same)),
        ("digest.restore.half.unknown", of(Rung::Owners, Rule::Restore, "half", unknown)),
        ("digest.restore.half.local", of(Rung::Owners, Rule::Restore, "half", run_by_a_board)),
        ("digest.shared_mailbox.urgent.named", of(Rung::Owners, Rule::SharedMailbox, "urgent", by_somebody)),
        ("digest.shared_mailbox.silent.named", of(Rung::Owners, Rule::SharedMailbox, "silent", by_somebody)),
        ("digest.restore.half.named", of(Rung::Owners, Rule::Restore, "half", by_somebody)),
        ("digest.restore.final.named", of(Rung::Owners, Rule::Restore, "final", by_somebody)),
        ("digest.restore.final.named_mailbox", of(Rung::Owners, Rule::Restore, "final", of_somebody)),
        ("digest.restore.half.of_a_mailbox", of(Rung::Owners, Rule::Restore, "half", a_mailbox)),
        ("digest.restore.final.mailbox", of(Rung::SiteMailbox, Rule::Restore, "final", same)),
        ("digest.restore.final.local", of(Rung::Owners, Rule::Restore, "final", run_by_a_board)),
        ("digest.restore.final.member", of(Rung::Members, Rule::Restore, "final", unknown)),
        ("digest.restore.final.of_a_mailbox", of(Rung::Owners, Rule::Restore, "final", a_mailbox)),
        ("digest.inactivity.urgent.contact", of(Rung::SiteContact, Rule::Inactivity, "urgent", same)),
        ("digest.inactivity.urgent.no_site", of(Rung::Owners, Rule::Inactivity, "urgent", unknown)),
    ]
}

/// Digests of several notices, as each sort of reader sees them.
fn digests() -> Vec<(&'static str, Brief)> {
    let run_by_boards = seven().into_iter().map(|one| changed(one, |notice| notice.helpdesk = local())).collect();
    let named = with_deleted().into_iter().map(|one| changed(one, |notice| notice.helpdesk = named_only())).collect();
    let mut two_rungs = digest(Rung::Owners, seven());
    if let Some(first) = two_rungs.notices.first_mut() {
        first.rung = Rung::Members;
    }
    vec![
        ("digest.several.owner", digest(Rung::Owners, seven())),
        ("digest.several.member", digest(Rung::Members, seven())),
        ("digest.several.mailbox", digest(Rung::SiteMailbox, seven())),
        ("digest.several.contact", digest(Rung::SiteContact, seven())),
        ("digest.several.both", two_rungs),
        ("digest.several.local", digest(Rung::Owners, run_by_boards)),
        ("digest.deleted.owner", digest(Rung::Owners, with_deleted())),
        ("digest.deleted.only", digest(Rung::Owners, with_deleted().into_iter().take(2).collect())),
        ("digest.deleted.mailbox", digest(Rung::SiteMailbox, with_deleted())),
        ("digest.several.named", digest(Rung::Owners, named)),
        ("digest.helpdesks.owner", digest(Rung::Owners, two_helpdesks())),
        ("digest.many.owner", digest(Rung::Owners, many(60, 2))),
        ("digest.many.practices", digest(Rung::Owners, many(60, 60))),
    ]
}

/// The operator's message of these notices; of the first so many nobody else reads.
fn told(notices: Vec<NoticeBrief>, alone: usize) -> Brief {
    let notices = notices.into_iter().enumerate().map(|(n, mut notice)| {
        notice.rung = Rung::Operator;
        notice.reason = if n < alone { Reason::Reach } else { Reason::StageReached };
        notice
    });
    brief(MessageKind::Operator, notices.collect(), TODAY)
}

fn operator() -> Vec<(&'static str, Brief)> {
    vec![
        ("operator.run", told(with_deleted(), 2)),
        ("operator.run.one", told(vec![notice(Rule::Inactivity, "final", TODAY)], 0)),
        ("operator.run.alone", told(vec![changed(notice(Rule::Password, "expired", TODAY), |n| n.site = None)], 1)),
        ("operator.run.many", told(many(60, 60), 5)),
    ]
}

/// A letter, or the digest that a notice about a mailbox needs.
fn letter(notice: NoticeBrief) -> Brief {
    brief(MessageKind::Letter, vec![notice], TODAY)
}

fn digest(rung: Rung, notices: Vec<NoticeBrief>) -> Brief {
    let mut notices = notices;
    for notice in &mut notices {
        notice.rung = rung;
    }
    notices.sort_by_key(|notice| notice.deadline_on);
    let mut brief = brief(MessageKind::Digest, notices, TODAY);
    if rung == Rung::SiteMailbox {
        brief.recipient = Person { is_shared_mailbox: true, ..to("Optometry", "optometry.tp1ab@nhs.net") };
    }
    brief
}

fn with_others() -> Brief {
    let mut brief = letter(notice(Rule::Inactivity, "warn", TODAY));
    brief.notices.push(changed(notice(Rule::Password, "urgent", TODAY), |n| n.deadline_on = date(2026, 12, 8)));
    brief
}

fn expired_and_unused() -> Brief {
    let mut brief = letter(notice(Rule::Password, "expired", TODAY));
    brief.notices.push(notice(Rule::Inactivity, "warn", TODAY));
    brief
}

fn nameless(mut brief: Brief) -> Brief {
    brief.recipient.name = None;
    brief
}

/// The seven accounts of two practices.
fn seven() -> Vec<NoticeBrief> {
    let at = |rule, stage, site: SiteBrief, who| {
        let one = notice(rule, stage, TODAY);
        NoticeBrief { site: Some(site), subject: SubjectBrief { name: None, ..who }, ..one }.named(rule)
    };
    vec![
        at(Rule::Inactivity, "final", opticians(), person("", "sam.sample1@nhs.net")),
        at(Rule::Inactivity, "nudge", opticians(), person("", "jo.specimen3@nhs.net")),
        at(Rule::Inactivity, "warn", opticians(), person("", "priya.example@nhs.net")),
        at(Rule::SharedMailbox, "urgent", opticians(), mailbox("optometry.tp1ab@nhs.net", None)),
        at(Rule::Inactivity, "urgent", eyecare(), person("", "christopher.placeholder-wetherby12@nhs.net")),
        at(Rule::Password, "urgent", eyecare(), person("", "morgan.test12@nhs.net")),
        at(Rule::Leaver, "remind", eyecare(), person("", "ade.demo@nhs.net")),
    ]
}

fn with_deleted() -> Vec<NoticeBrief> {
    let deleted = |address: &str, name: &str| NoticeBrief {
        subject: person(name, address),
        site: Some(eyecare()),
        ..notice(Rule::Restore, "half", TODAY)
    };
    let mut notices =
        vec![deleted("robin.sampler@nhs.net", "Robin Sampler"), deleted("lee.mockford@nhs.net", "Lee Mockford")];
    let is_kept =
        |notice: &NoticeBrief| !["nudge", "urgent"].contains(&notice.stage.base()) || notice.rule != Rule::Inactivity;
    notices.extend(seven().into_iter().filter(is_kept));
    notices
}

fn two_helpdesks() -> Vec<NoticeBrief> {
    let by_site = |mut notice: NoticeBrief| {
        if notice.site == Some(eyecare()) {
            notice.helpdesk = local();
        }
        notice
    };
    with_deleted().into_iter().map(by_site).collect()
}

fn many(rows: usize, sites: usize) -> Vec<NoticeBrief> {
    let one = |n: usize| NoticeBrief {
        subject: person(&format!("Morgan Example {}", letters_of(n)), &format!("morgan.example{n}@nhs.net")),
        site: Some(SiteBrief { ods: format!("TP{}", n % sites), ..opticians() }),
        ..notice(Rule::Inactivity, "urgent", TODAY)
    };
    (1..=rows).map(one).collect()
}

/// `AB` for 28: invented names have no digits.
fn letters_of(n: usize) -> String {
    let letter = |n: usize| u8::try_from(n % 26).map_or('Z', |n| char::from(b'A' + n));
    [letter(n / 26), letter(n)].into_iter().collect()
}

impl NoticeBrief {
    /// Gives a sample's account the name in its address.
    fn named(mut self, rule: Rule) -> Self {
        let local = self.subject.address.split('@').next().unwrap_or_default();
        let words = local.split('.').map(|word| {
            let letters: String = word.chars().filter(|c| !c.is_ascii_digit()).collect();
            letters.split('-').map(capital).collect::<Vec<_>>().join("-")
        });
        self.subject.name = (rule != Rule::SharedMailbox).then(|| words.collect::<Vec<_>>().join(" "));
        self
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn changed(mut notice: NoticeBrief, change: impl FnOnce(&mut NoticeBrief)) -> NoticeBrief {
    change(&mut notice);
    notice
}

fn never_used(notice: &mut NoticeBrief) {
    notice.never_used = true;
    notice.subject.last_used_on = None;
    notice.subject.created_on = Some(notice.anchor_on);
}

fn soon_inactive(notice: &mut NoticeBrief) {
    notice.inactive_on = Some(date(2026, 12, 1));
}

fn third_time(notice: &mut NoticeBrief) {
    notice.stage = StageName::nth("silent", 3);
    notice.reason = Reason::Repeat;
    notice.deadline_on = TODAY.saturating_sub(2.months());
}
