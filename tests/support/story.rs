//! A site walked from day to day: each day's report is loaded, the plan is made, checked and carried out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{ToSpan, civil::Date};
use lapsewatch::{
    config::Config,
    domain::{
        facts::SnapshotId,
        message::{Message, Notice, Reason, StageName},
        plan::{Plan, Planning, Told, plan, settle},
        policy::{Rule, Rung},
        register::{Arrival, Register},
        snapshot::{Observation, Source},
        subject::Address,
    },
};

use super::{
    check::check_plan,
    config, on, short,
    site::{Day, Person, Site},
};

/// What was told on which day, and the world at the end of it.
pub struct Story {
    config: &'static Config,
    site: Site,
    /// What is known.
    pub register: Register,
    /// What was told.
    pub told: Told,
    /// Every plan that told something, oldest first.
    pub plans: Vec<Plan>,
    files: i64,
}

impl Site {
    /// Walks every day from `from` to `to`, with these days on which something happens. Each day has its report.
    pub fn walk(self, from: &str, to: &str, days: impl IntoIterator<Item = Day>) -> Story {
        let mut story = Story::begin(self);
        story.walk(on(from), on(to), days, |_| true);
        story
    }
}

impl Story {
    /// A story of which nothing has happened yet.
    pub fn begin(site: Site) -> Self {
        let mut register = Register::default();
        register.replace_contacts(site.contacts.clone());
        Self { config: config(), site, register, told: Told::default(), plans: Vec::new(), files: 0 }
    }

    /// Walks on. Reports are loaded every day, runs happen on the days that `runs` names.
    pub fn walk(
        &mut self,
        from: Date,
        to: Date,
        days: impl IntoIterator<Item = Day>,
        mut runs: impl FnMut(Date) -> bool,
    ) {
        let mut happenings: BTreeMap<Date, Vec<_>> = BTreeMap::new();
        for day in days {
            assert!((from..=to).contains(&day.on), "nothing can happen on {}", day.on);
            happenings.entry(day.on).or_default().extend(day.changes);
        }
        for today in from.series(1.day()).take_while(|today| *today <= to) {
            for (address, change) in happenings.remove(&today).unwrap_or_default() {
                self.site.person(&address).undergo(&change, today);
            }
            self.report(today);
            if runs(today) {
                self.run(today);
            }
        }
    }

    /// Makes and loads the reports of a day.
    fn report(&mut self, today: Date) {
        let mut rows = Vec::new();
        for person in &mut self.site.people {
            if person.is_at_work {
                person.row.last_activity_on = Some(today);
            }
            if person.is_listed {
                rows.push(person.row.clone());
            }
        }
        self.load(Source::PortalMailbox, today, &rows.iter().map(without_sends).collect::<Vec<_>>());
        if self.site.watches_sends {
            self.load(Source::Sends, today, &self.site.people.iter().filter_map(sends).collect::<Vec<_>>());
        }
    }

    fn load(&mut self, source: Source, as_of: Date, rows: &[Observation]) {
        self.files += 1;
        let arrival = Arrival { snapshot: SnapshotId(self.files), source, as_of };
        self.register.begin(arrival);
        for row in rows {
            self.register.observe(arrival, row, &self.config.policy);
        }
    }

    /// Makes a day's plan, holds it to the rules and carries it out.
    pub fn run(&mut self, today: Date) -> Plan {
        let planning = Planning {
            policy: &self.config.policy,
            calendar: &self.config.calendar,
            today,
            gates: &lapsewatch::domain::gates::OPEN,
        };
        let missing = settle(planning, &mut self.register);
        let plan = plan(planning, &self.register, &self.told, &missing);
        check_plan(planning, &self.register, &self.told, &plan);
        self.told.apply(&plan);
        if !plan.messages.is_empty() {
            self.plans.push(plan.clone());
        }
        plan
    }

    /// Every message that went out, in order.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.plans.iter().flat_map(|plan| &plan.messages)
    }

    /// Who was told what on which day, one line each: day, weekday, of whom, rule, stage, rungs. A rung that joined
    /// because nobody in the audience is read has a `+`.
    pub fn table(&self) -> Vec<String> {
        self.plans.iter().flat_map(lines).collect()
    }

    /// The post of a day, one line for each message: recipient, kind, and what it tells.
    pub fn post(&self, day: &str) -> Vec<String> {
        let told = |notice: &Notice| format!("{} {} {}", short(&notice.subject), notice.rule, notice.stage);
        let line = |message: &Message| {
            let notices: Vec<_> = message.notices.iter().map(told).collect();
            format!("{} {}: {}", short(&message.recipient), message.kind.as_str(), notices.join(", "))
        };
        self.messages().filter(|message| message.on == on(day)).map(line).collect()
    }

    /// Holds the table to what is written down; blanks may be set freely, and what follows a `# ` is a remark.
    #[track_caller]
    pub fn tells(&self, expected: &str) {
        let table = self.table();
        let found: Vec<_> = table.iter().map(|line| words(line)).collect();
        let wanted: Vec<_> = expected.lines().map(words).filter(|line| !line.is_empty()).collect();
        assert_eq!(found, wanted, "\nwhat was told:\n{}\n", table.join("\n"));
    }
}

fn words(line: &str) -> String {
    line.split_once("# ").map_or(line, |(line, _)| line).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn without_sends(row: &Observation) -> Observation {
    Observation { last_sent_on: None, ..row.clone() }
}

fn sends(person: &Person) -> Option<Observation> {
    let Observation { line, address, last_sent_on, .. } = person.row.clone();
    last_sent_on.map(|sent_on| Observation { line, address, last_sent_on: Some(sent_on), ..Observation::default() })
}

/// What one stage is called: whose, of which rule.
type Telling = (Address, Rule, StageName);

fn lines(plan: &Plan) -> Vec<String> {
    let mut tellings: BTreeMap<Telling, BTreeSet<(Rung, bool)>> = BTreeMap::new();
    for notice in plan.messages.iter().flat_map(|message| &message.notices) {
        let telling = (notice.subject.clone(), notice.rule, notice.stage.clone());
        tellings.entry(telling).or_default().insert((notice.rung, notice.reason == Reason::Reach));
    }
    let line = |((subject, rule, stage), rungs): (Telling, BTreeSet<(Rung, bool)>)| {
        let rungs: Vec<_> = rungs.into_iter().map(|(rung, joined)| rung_word(rung, joined)).collect();
        let day = format!("{} {}", plan.on, plan.on.strftime("%a"));
        format!("{day}  {}  {rule} {stage}  {}", short(&subject), rungs.join(", "))
    };
    tellings.into_iter().map(line).collect()
}

fn rung_word(rung: Rung, joined: bool) -> String {
    let plus = if joined { "+" } else { "" };
    format!("{plus}{}", rung.as_str())
}
