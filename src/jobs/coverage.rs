//! The coverage list from what the store holds: the same for the operator's message and for `list --coverage` (domain
//! rule 27). Reads who was told; writes nothing.

use std::collections::{BTreeSet, HashMap};

use super::Site;
use crate::{
    domain::{
        coverage::{Uncovered, uncovered},
        gates::Gates,
        message::Message,
        plan::{Plan, Planning},
        policy::{Rule, Rung},
        register::{Register, SubjectId},
    },
    store::{MessageState, StoreError},
};

/// Messages planned today that are still on their way: what they tell is being told.
const ON_THEIR_WAY: [MessageState; 3] = [MessageState::Pending, MessageState::Leased, MessageState::Deferred];

/// Today's coverage list. `plan` is one that is not written yet.
///
/// # Errors
/// When the store fails.
pub async fn coverage(
    site: &Site,
    register: &Register,
    gates: &Gates,
    plan: Option<&Plan>,
) -> Result<Vec<Uncovered>, StoreError> {
    let mut covered = accepted(site).await?;
    if let Some(plan) = plan {
        for closed in &plan.closed {
            covered.remove(&(closed.subject, closed.rule));
        }
        covered.extend(told_to_others(&plan.messages));
    }
    let stored = site.store.list_messages(&ON_THEIR_WAY).await?;
    let today = site.today();
    let todays: Vec<_> =
        stored.into_iter().map(|stored| stored.message).filter(|message| message.on == today).collect();
    covered.extend(told_to_others(&todays));
    let planning = Planning { gates, ..site.planning(today) };
    Ok(tokio::task::block_in_place(|| uncovered(planning, register, &covered)))
}

/// The findings of which a mail server accepted a notice for somebody besides the operator in the open episode.
async fn accepted(site: &Site) -> Result<BTreeSet<(SubjectId, Rule)>, StoreError> {
    let days: HashMap<_, _> = site.store.list_told_days().await?.into_iter().collect();
    let episodes = site.store.list_episodes(None).await?;
    let told = episodes.into_iter().filter(|episode| days.contains_key(&episode.id));
    Ok(told.map(|episode| (episode.subject, episode.rule)).collect())
}

fn told_to_others(messages: &[Message]) -> impl Iterator<Item = (SubjectId, Rule)> {
    let notices = messages.iter().flat_map(|message| &message.notices);
    notices.filter(|notice| notice.rung != Rung::Operator).map(|notice| (notice.subject_id, notice.rule))
}
