//! One subject, explained: its facts with their file and line, the sum behind every date, what was told, and what
//! comes next and why. Reads the store, decides nothing.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;

use super::{JobError, Site, facts::gates, likeness::most_like, window::Window};
use crate::{
    domain::{
        evaluate::{Dates, Showing, Standing, ladder, outrun, standing},
        facts::{Fact, Field, SnapshotId},
        message::StageName,
        plan::{Planning, settle},
        policy::{Placement, Rule},
        recipient::{Audience, Directory},
        register::{Register, Subject, SubjectId},
        snapshot::ContactRow,
        subject::Address,
    },
    store::{LedgerLine, MessageState, OpenEpisode, Snooze, Standings, StoreError, Unreachable},
};

/// A fact and the file it was read in.
#[derive(Debug, Clone)]
pub struct Said {
    /// The fact.
    pub fact: Fact,
    /// Name of the file; `None` for what was concluded.
    pub file: Option<String>,
}

/// What is taken as true of a field, and what was said against it.
#[derive(Debug, Clone)]
pub struct SourcedFact {
    /// About what.
    pub field: Field,
    /// The fact that stands.
    pub said: Said,
    /// What other sources say of it that is not so.
    pub overruled: Vec<Said>,
}

/// Where a stage stands for a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageState {
    /// Told on a day.
    Told(Date),
    /// Planned on a day; its messages wait for a person.
    Held(Date),
    /// A tighter stage was told in its place, on a day.
    PassedOver(Date),
    /// Reached, and the next run tells it or has a reason not to.
    Due,
    /// Reached, but a tighter one is reached too.
    Overtaken,
    /// Not reached yet.
    ToCome,
}

/// One showing of a stage, with the sum behind its day.
#[derive(Debug, Clone)]
pub struct StageLine {
    /// Its name, with the repeat.
    pub name: StageName,
    /// `21 days after`, `2 weeks before`.
    pub sum: String,
    /// Where the ladder places it.
    pub nominal_on: Date,
    /// When it may first be told.
    pub fires_on: Date,
    /// Where it stands.
    pub state: StageState,
    /// Who would be told today.
    pub audience: Audience,
}

/// One rule that counts for the subject.
#[derive(Debug, Clone)]
pub struct RuleLine {
    /// The concern.
    pub rule: Rule,
    /// From when to when.
    pub dates: Dates,
    /// The day the episode opened, if one is open.
    pub episode_on: Option<Date>,
    /// Why the rule tells nothing, if it does not.
    pub silent: Option<&'static str>,
    /// What keeps its notices back today: a snooze, or a source that is too old.
    pub kept_back: Option<String>,
    /// The ladder, in order.
    pub stages: Vec<StageLine>,
}

/// What comes next.
#[derive(Debug, Clone)]
pub struct Next {
    /// The concern.
    pub rule: Rule,
    /// The stage.
    pub stage: StageName,
    /// On which day, as things stand.
    pub on: Date,
    /// To whom, as things stand.
    pub recipients: Vec<Address>,
}

/// Everything about one subject.
#[derive(Debug, Clone)]
pub struct Account {
    /// The subject.
    pub subject: Subject,
    /// Its facts.
    pub facts: Vec<SourcedFact>,
    /// The contacts rows about its site.
    pub contacts: Vec<ContactRow>,
    /// Its mailboxes.
    pub mailboxes: BTreeSet<Address>,
    /// Whether somebody reads its address.
    pub is_read: bool,
    /// Rules that count.
    pub rules: Vec<RuleLine>,
    /// Addresses of people it is told through that a mail server refused.
    pub refused: Vec<Unreachable>,
    /// Rules that apply and have nothing to count from.
    pub no_date: Vec<Rule>,
    /// What was told.
    pub ledger: Vec<LedgerLine>,
    /// What comes next before the account ends; `None` when everything has been told.
    pub next: Option<Next>,
}

/// What asking for an address gave.
#[derive(Debug)]
pub enum Found {
    /// It is known.
    Account(Box<Account>),
    /// It is not; the known addresses most like it.
    Unknown(Vec<Address>),
}

/// Explains the subject at an address.
///
/// # Errors
/// When the store fails.
pub async fn explain(site: &Site, address: &Address) -> Result<Found, JobError> {
    let register = settled_around(site, address).await?;
    let Some(subject) = register.find_by_address(address).cloned() else {
        return Ok(Found::Unknown(similar(site, address).await?));
    };
    let files: HashMap<SnapshotId, String> =
        site.store.list_snapshots().await?.into_iter().map(|row| (row.id, row.file_name)).collect();
    let episodes = site.store.list_episodes(Some(subject.id)).await?;
    let ledger = site.store.list_ledger(subject.id).await?;
    let standings = site.store.load_standings().await?;
    let gates = gates(site, &standings, []);
    let planning = Planning { gates: &gates, ..site.planning(site.today()) };
    let known =
        Known { register: &register, subject: &subject, episodes: &episodes, ledger: &ledger, standings: &standings };
    let account = Explainer::new(site, planning, &known).account(&files);
    Ok(Found::Account(Box::new(account)))
}

/// The subject at an address with everybody around it, as a run today would find them.
///
/// # Errors
/// When the store fails.
pub async fn settled_around(site: &Site, address: &Address) -> Result<Register, StoreError> {
    let planning = site.planning(site.today());
    let mut register = Window::open(site.store.as_ref()).await?.around(planning, &[], &[address]).await?;
    settle(planning, &mut register);
    Ok(register)
}

/// The known addresses most like one.
///
/// # Errors
/// When the store fails.
pub async fn similar(site: &Site, address: &Address) -> Result<Vec<Address>, StoreError> {
    let mut window = Window::open(site.store.as_ref()).await?;
    let (mut like, mut after): (Vec<Address>, _) = (Vec::new(), SubjectId(0));
    loop {
        let subjects = window.next(after).await?;
        let Some(last) = subjects.last() else { return Ok(like) };
        after = last.id;
        like.extend(subjects.iter().filter(|subject| subject.is_listed()).map(Subject::address));
        like = most_like(address.as_str(), like.iter().map(Address::as_str)).into_iter().map(Address::new).collect();
    }
}

/// What the store knows of a subject.
struct Known<'a> {
    register: &'a Register,
    subject: &'a Subject,
    episodes: &'a [OpenEpisode],
    ledger: &'a [LedgerLine],
    standings: &'a Standings,
}

struct Explainer<'a> {
    site: &'a Site,
    planning: Planning<'a>,
    register: &'a Register,
    subject: &'a Subject,
    episodes: &'a [OpenEpisode],
    ledger: &'a [LedgerLine],
    standings: &'a Standings,
    directory: Directory<'a>,
    today: Date,
}

impl<'a> Explainer<'a> {
    fn new(site: &'a Site, planning: Planning<'a>, known: &Known<'a>) -> Self {
        let Known { register, subject, episodes, ledger, standings } = *known;
        let directory = Directory::new(register, planning);
        Self { site, planning, register, subject, episodes, ledger, standings, directory, today: planning.today }
    }

    fn account(&self, files: &HashMap<SnapshotId, String>) -> Account {
        let rules = self.rules();
        let next = self.next(&rules);
        let said = |fact: &Fact| {
            let file = files.get(&fact.snapshot).filter(|_| fact.line > 0).cloned();
            Said { fact: fact.clone(), file }
        };
        let facts = self.subject.facts.iter().map(|(field, fact)| {
            let differs = |rival: &&Fact| rival.value != fact.value;
            let overruled = self.subject.rivals(field).filter(differs).map(said).collect();
            SourcedFact { field, said: said(fact), overruled }
        });
        let ods = self.subject.facts.ods();
        let contacts = ods.map(|ods| self.register.contacts().rows_of_site(&ods).cloned().collect());
        Account {
            facts: facts.collect(),
            contacts: contacts.unwrap_or_default(),
            mailboxes: self.directory.mailboxes(self.subject),
            is_read: self.directory.is_read(&self.subject.address()),
            no_date: Rule::ALL.into_iter().filter(|rule| self.standing(*rule) == Standing::NoDate).collect(),
            refused: self.refused(&rules),
            rules,
            ledger: self.ledger.to_vec(),
            next,
            subject: self.subject.clone(),
        }
    }

    fn standing(&self, rule: Rule) -> Standing {
        standing(&self.site.config.policy, self.subject, rule, self.register.sends_watched_since())
    }

    fn rules(&self) -> Vec<RuleLine> {
        let counting = |rule| match self.standing(rule) {
            Standing::Counts(dates) => Some((rule, dates)),
            Standing::NotAsked | Standing::NoDate => None,
        };
        let mut rules: Vec<_> =
            Rule::ALL.into_iter().filter_map(counting).map(|(rule, dates)| self.rule(rule, dates)).collect();
        rules.sort_by_key(|rule| rule.dates.deadline_on);
        rules
    }

    /// The refused addresses among those that the subject would be told through.
    fn refused(&self, rules: &[RuleLine]) -> Vec<Unreachable> {
        let own = self.subject.address();
        let recipients = rules.iter().flat_map(|rule| &rule.stages).flat_map(|stage| &stage.audience.recipients);
        let mut asked: BTreeSet<_> = recipients.map(|recipient| recipient.address.clone()).collect();
        asked.insert(own);
        let stands = |refused: &&Unreachable| {
            asked.contains(&refused.address) && self.planning.gates.is_unreachable(self.register, &refused.address)
        };
        self.standings.unreachable.iter().filter(stands).cloned().collect()
    }

    /// A snooze with who asked for it and why, else the source that is too old.
    fn kept_back(&self, rule: Rule) -> Option<String> {
        let gates = self.planning.gates;
        let is_ours = |snooze: &&Snooze| snooze.subject == self.subject.id && snooze.rule == rule;
        let snooze = self.standings.snoozes.iter().rev().find(is_ours).filter(|snooze| snooze.until_on > self.today);
        if let Some(Snooze { until_on, author, reason, .. }) = snooze {
            return Some(format!("snoozed until {until_on} by {author}: {reason}"));
        }
        gates.stale(self.register, self.subject, rule, self.today).map(|stale| stale.to_string())
    }

    fn rule(&self, rule: Rule, dates: Dates) -> RuleLine {
        let planning = self.planning;
        let episode = self.episodes.iter().find(|episode| episode.rule == rule);
        let showings = ladder(planning.policy, planning.calendar, rule, dates);
        let tightest = showings.iter().filter(|showing| showing.is_reached(self.today)).max_by_key(|s| s.nominal_on);
        let tightest = tightest.map(|showing| showing.name.clone());
        let line = |showing: &Showing| StageLine {
            name: showing.name.clone(),
            sum: sum(showing),
            nominal_on: showing.nominal_on,
            fires_on: showing.fires_on,
            state: self.state(episode, showing, tightest.as_ref()),
            audience: self.directory.audience(self.subject, rule, showing.stage, showing.nth > 1),
        };
        RuleLine {
            rule,
            dates,
            episode_on: episode.map(|episode| episode.opened_on),
            silent: self.silence(rule, dates),
            kept_back: self.kept_back(rule),
            stages: showings.iter().map(line).collect(),
        }
    }

    fn state(&self, episode: Option<&OpenEpisode>, showing: &Showing, tightest: Option<&StageName>) -> StageState {
        let told = episode.and_then(|episode| {
            episode.stages.iter().find(|(name, ..)| name == showing.name.as_str()).map(|(_, day, over)| (*day, *over))
        });
        match told {
            Some((day, false)) if self.is_held(episode, showing) => StageState::Held(day),
            Some((day, false)) => StageState::Told(day),
            Some((day, true)) => StageState::PassedOver(day),
            None if !showing.is_reached(self.today) => StageState::ToCome,
            None if tightest == Some(&showing.name) => StageState::Due,
            None => StageState::Overtaken,
        }
    }

    /// Whether everything that tells of a stage waits for a person.
    fn is_held(&self, episode: Option<&OpenEpisode>, showing: &Showing) -> bool {
        let of_stage = |told: &&LedgerLine| {
            episode.is_some_and(|episode| told.notice.episode_id == episode.id) && told.notice.stage == showing.name
        };
        let mut states = self.ledger.iter().filter(of_stage).map(|told| told.state).peekable();
        states.peek().is_some() && states.all(|state| state == MessageState::Held)
    }

    fn silence(&self, rule: Rule, dates: Dates) -> Option<&'static str> {
        let planning = self.site.planning(self.today);
        let watched_since = self.register.sends_watched_since();
        let found = crate::domain::evaluate::findings(
            planning.policy,
            planning.calendar,
            self.subject,
            watched_since,
            self.today,
        );
        if self.subject.facts.status().is_some_and(|status| status.is_in_flight()) {
            Some("its status is in flight: everything rests until that ends")
        } else if outrun(&found, self.today).contains(&rule) {
            Some("the account ends before this date: the earlier rule speaks")
        } else if self.today > dates.deadline_on && !rule.goes_on_after_deadline() {
            Some("the deadline is over: no warning starts any more")
        } else {
            None
        }
    }

    fn next(&self, rules: &[RuleLine]) -> Option<Next> {
        let calendar = &self.site.config.calendar;
        let ends = |rule: &&RuleLine| !matches!(rule.rule, Rule::Password | Rule::SharedMailbox | Rule::Restore);
        let pending = rules.iter().filter(ends).map(|rule| rule.dates.deadline_on).filter(|on| *on >= self.today);
        let end_on = pending.min().unwrap_or(Date::MAX);
        let speaks = |rule: &&RuleLine| rule.silent.is_none() && rule.kept_back.is_none();
        let candidates = rules.iter().filter(speaks).flat_map(|rule| {
            let open = rule.stages.iter().filter(|s| matches!(s.state, StageState::Due | StageState::ToCome));
            open.map(move |stage| (rule, stage))
        });
        let day = |stage: &StageLine| {
            let on = stage.fires_on.max(self.today);
            if stage.fires_on == on { on } else { calendar.open_on_or_after(on) }
        };
        let (rule, stage) = candidates.min_by_key(|(_, stage)| (day(stage), stage.nominal_on))?;
        if day(stage) > end_on {
            return None;
        }
        let recipients = stage.audience.recipients.iter().map(|recipient| recipient.address.clone()).collect();
        Some(Next { rule: rule.rule, stage: stage.name.clone(), on: day(stage), recipients })
    }
}

fn sum(showing: &Showing) -> String {
    let first = match showing.stage.placement {
        Placement::After(span) => format!("{span} after"),
        Placement::Before(span) => format!("{span} before"),
    };
    match (showing.nth, showing.stage.repeat_every) {
        (nth, Some(every)) if nth > 1 => {
            format!("{first}, + {}", every.times(i32::try_from(nth - 1).unwrap_or(i32::MAX)))
        }
        _ => first,
    }
}
