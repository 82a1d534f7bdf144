//! A good report damaged at random: whatever the damage, nobody hears what the undamaged report would not tell, and after
//! a discard everybody hears of whom they would have heard.

use super::site::*;
use lapsewatch::mail::memory::MemoryMailer;
use proptest::{prelude::*, sample::Index, test_runner::Config};
use tokio::runtime::Runtime;

/// One way to damage a report.
#[derive(Debug, Clone)]
enum Damage {
    CutAt(Index),
    BlankColumn(usize),
    SwapDayAndMonth(usize),
    ShiftAMonth(usize, bool),
    OtherDomain,
    RepeatRows(Index),
    ConcealNames,
}

/// The columns of dates: made, updated, used.
const DATES: [usize; 3] = [4, 5, USED];
/// The last log-ins: the latest wins (5), and no good file takes a later one back.
const USED: usize = 6;

fn damage() -> impl Strategy<Value = Damage> {
    let column = || prop::sample::select(DATES.to_vec());
    prop_oneof![
        any::<Index>().prop_map(Damage::CutAt),
        (0..10_usize).prop_map(Damage::BlankColumn),
        column().prop_map(Damage::SwapDayAndMonth),
        (column(), any::<bool>()).prop_map(|(column, is_later)| Damage::ShiftAMonth(column, is_later)),
        Just(Damage::OtherDomain),
        any::<Index>().prop_map(Damage::RepeatRows),
        Just(Damage::ConcealNames),
    ]
}

impl Damage {
    fn apply(&self, text: &str) -> String {
        match self {
            Self::CutAt(at) => text[..at.index(text.len())].to_owned(),
            Self::BlankColumn(column) => with_cells(text, *column, |_, _| String::new()),
            Self::SwapDayAndMonth(column) => with_cells(text, *column, |_, cell| swapped(cell)),
            Self::ShiftAMonth(column, is_later) => with_cells(text, *column, |_, cell| shifted(cell, *is_later)),
            Self::OtherDomain => text.replace("@nhs.net", "@anyshire.example"),
            Self::RepeatRows(from) => {
                let rows: Vec<_> = text.lines().skip(1).collect();
                let from = if rows.is_empty() { 0 } else { from.index(rows.len()) };
                let again: Vec<_> = rows.into_iter().skip(from).collect();
                format!("{text}{}\n", again.join("\n"))
            }
            Self::ConcealNames => with_cells(text, 1, |line, _| format!("FE7CC8C15246EDCCA289C9A4{line:08X}")),
        }
    }
}

/// The same report with other cells in one column, by line and cell.
fn with_cells(text: &str, column: usize, cell: impl Fn(usize, &str) -> String) -> String {
    let changed = |(number, line): (usize, &str)| {
        let mut cells: Vec<_> = line.split(',').map(str::to_owned).collect();
        if let Some(old) = cells.get_mut(column).filter(|_| number > 0) {
            *old = cell(number, old);
        }
        cells.join(",") + "\n"
    };
    text.lines().enumerate().map(changed).collect()
}

fn swapped(cell: &str) -> String {
    let mut parts = cell.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(day), Some(month), Some(rest)) => format!("{month}/{day}/{rest}"),
        _ => cell.to_owned(),
    }
}

fn shifted(cell: &str, is_later: bool) -> String {
    let Ok(stamp) = jiff::civil::DateTime::strptime(DAY_FIRST, cell) else { return cell.to_owned() };
    let month = jiff::Span::new().months(1);
    let stamp = if is_later { stamp.saturating_add(month) } else { stamp.saturating_sub(month) };
    stamp.strftime(DAY_FIRST).to_string()
}

/// What is told on [`DAY`] with this report, which is discarded when it looks wrong, and with good ones up to the next
/// week's end: by then a wrong date or status would have begun to speak, or to keep silent.
async fn told_with(text: &str) -> ToldTo {
    let world = World::healthy(&[]).await;
    let before = world.told().await;
    world.run_with(text).await;
    for held in world.held().await {
        world.discard(&held).await;
    }
    world.run(&MemoryMailer::new()).await;
    for day in [MONDAY, plus(MONDAY, 4)] {
        world.at(day);
        world.run_with(report(day)).await;
    }
    since(&world.told().await, &before)
}

#[test]
fn no_damage_tells_anybody_what_the_undamaged_report_would_not() {
    let runtime = Runtime::new().unwrap();
    let right = runtime.block_on(told_with(&GOOD));
    assert!(right.len() > 40);
    let config = Config { cases: 24, max_shrink_iters: 20, failure_persistence: None, ..Config::default() };
    proptest!(config, |(damages in prop::collection::vec(damage(), 1..3))| {
        let text = damages.iter().fold(GOOD.clone(), |text, damage| damage.apply(&text));
        let told = runtime.block_on(told_with(&text));
        let wrong: Vec<_> = told.iter().filter(|(key, times)| right.get(key) != Some(times)).collect();
        prop_assert_eq!(wrong, vec![]);
        prop_assert_eq!(subjects(&told), subjects(&right));
    });
}

#[test]
fn each_damage_alone_delays_nobody() {
    let runtime = Runtime::new().unwrap();
    let right = runtime.block_on(told_with(&GOOD));
    let blank = (0..10).map(Damage::BlankColumn);
    let dates = DATES.into_iter().flat_map(|column| {
        [Damage::SwapDayAndMonth(column), Damage::ShiftAMonth(column, false), Damage::ShiftAMonth(column, true)]
    });
    for damage in blank.chain(dates).chain([Damage::OtherDomain, Damage::ConcealNames]) {
        let told = runtime.block_on(told_with(&damage.apply(&GOOD)));
        assert_eq!(subjects(&told), subjects(&right), "{damage:?}");
    }
}
