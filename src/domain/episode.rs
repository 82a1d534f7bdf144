//! Episodes, and what was told in them (domain rules 9 and 10).

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;

use super::{message::StageName, plan::Plan, policy::Rule, register::SubjectId};

/// Number of an episode in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpisodeId(pub i64);

/// One unbroken stretch of a finding (rule 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Episode {
    /// Its number.
    pub id: EpisodeId,
    /// The day of the run that opened it.
    pub opened_on: Date,
    /// The anchor it opened with.
    pub opened_anchor_on: Date,
}

/// What was told before: the open episodes, and the stages the ledger holds for them.
#[derive(Debug, Clone, Default)]
pub struct Told {
    episodes: HashMap<(SubjectId, Rule), Episode>,
    stages: HashSet<(EpisodeId, StageName)>,
    /// Of these, the ones whose messages wait for a person.
    held: HashSet<(EpisodeId, StageName)>,
    last_episode: i64,
}

impl Told {
    /// Read back from the store. `last_episode` is the highest number ever given.
    #[must_use]
    pub fn new(
        episodes: impl IntoIterator<Item = (SubjectId, Rule, Episode)>,
        stages: impl IntoIterator<Item = (EpisodeId, StageName)>,
        last_episode: i64,
    ) -> Self {
        let episodes = episodes.into_iter().map(|(subject, rule, episode)| ((subject, rule), episode)).collect();
        Self { episodes, stages: stages.into_iter().collect(), held: HashSet::new(), last_episode }
    }

    /// The open episode of a finding.
    #[must_use]
    pub fn episode(&self, subject: SubjectId, rule: Rule) -> Option<Episode> {
        self.episodes.get(&(subject, rule)).copied()
    }

    /// The highest number that an episode ever had.
    #[must_use]
    pub const fn last_episode(&self) -> EpisodeId {
        EpisodeId(self.last_episode)
    }

    /// Whether the ledger holds a notice, or a note that it was passed over.
    #[must_use]
    pub fn holds(&self, episode: EpisodeId, stage: &StageName) -> bool {
        self.stages.contains(&(episode, stage.clone()))
    }

    /// The same, and the messages of these stages wait for a person (19, 20).
    #[must_use]
    pub fn with_held(self, held: impl IntoIterator<Item = (EpisodeId, StageName)>) -> Self {
        Self { held: held.into_iter().collect(), ..self }
    }

    /// Whether a stage was told in place of wider ones. While its own messages wait for a person it was not: a wider one
    /// that leaves meanwhile still tells something.
    #[must_use]
    pub fn supersedes(&self, episode: EpisodeId, stage: &StageName) -> bool {
        self.holds(episode, stage) && !self.held.contains(&(episode, stage.clone()))
    }

    /// Takes a plan as carried out; what the store does with tables, for replays.
    pub fn apply(&mut self, plan: &Plan) {
        for closed in &plan.closed {
            self.episodes.remove(&(closed.subject, closed.rule));
        }
        for opened in &plan.opened {
            self.episodes.insert((opened.subject, opened.rule), opened.episode);
            self.last_episode = self.last_episode.max(opened.episode.id.0);
        }
        self.stages.extend(plan.told.iter().map(|entry| (entry.episode, entry.stage.clone())));
        self.stages.extend(plan.passed_over.iter().map(|entry| (entry.episode, entry.stage.clone())));
    }
}

/// An episode that a run opens or closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpisodeChange {
    /// Of whom.
    pub subject: SubjectId,
    /// Of which rule.
    pub rule: Rule,
    /// Which one.
    pub episode: Episode,
}

/// A stage that the ledger will hold for an episode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageEntry {
    /// Of whom.
    pub subject: SubjectId,
    /// Of which rule.
    pub rule: Rule,
    /// In which episode.
    pub episode: EpisodeId,
    /// Which showing.
    pub stage: StageName,
}
