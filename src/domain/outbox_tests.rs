use MessageState as State;

use super::*;

const HERE: Circumstances = Circumstances {
    on_unknown: OnUnknown::Hold,
    takes_repeats_as_one: false,
    attempts: 1,
    jitter: 0.0,
    is_too_late: false,
};

fn outcomes() -> [Outcome; 6] {
    let why = || "why".to_owned();
    [
        Outcome::Accepted { reply: "250 ok".into(), assigned_id: None },
        Outcome::Deferred { why: why() },
        Outcome::Rejected { why: why() },
        Outcome::Cancelled,
        Outcome::Untried,
        Outcome::Unknown { why: why() },
    ]
}

fn events(outcomes: &[Outcome], about: Circumstances) -> Vec<Event<'_>> {
    let fixed = [Event::Lease, Event::Approve, Event::Discard];
    let ends = outcomes.iter().map(|outcome| Event::End(outcome, about));
    fixed.into_iter().chain(ends).chain(Verdict::ALL.map(Event::Decide)).collect()
}

/// Every circumstance that decides anything.
fn circumstances() -> Vec<Circumstances> {
    let mut all = Vec::new();
    for on_unknown in [OnUnknown::Hold, OnUnknown::Resend] {
        for takes_repeats_as_one in [false, true] {
            for is_too_late in [false, true] {
                for attempts in [1, 2, 9] {
                    all.push(Circumstances { on_unknown, takes_repeats_as_one, attempts, is_too_late, ..HERE });
                }
            }
        }
    }
    all
}

#[test]
fn every_pair_of_state_and_event_is_as_the_table_says() {
    let outcomes = outcomes();
    let [accepted, deferred, rejected, cancelled, untried, unknown] = &outcomes;
    let table: [(State, Event, State); 13] = [
        (State::Pending, Event::Lease, State::Leased),
        (State::Deferred, Event::Lease, State::Leased),
        (State::Leased, Event::End(accepted, HERE), State::Accepted),
        (State::Leased, Event::End(deferred, HERE), State::Deferred),
        (State::Leased, Event::End(rejected, HERE), State::Rejected),
        (State::Leased, Event::End(cancelled, HERE), State::Cancelled),
        (State::Leased, Event::End(untried, HERE), State::Pending),
        (State::Leased, Event::End(unknown, HERE), State::Unknown),
        (State::Held, Event::Approve, State::Pending),
        (State::Held, Event::Discard, State::Cancelled),
        (State::Unknown, Event::Decide(Verdict::Accepted), State::Accepted),
        (State::Unknown, Event::Decide(Verdict::Resend), State::Pending),
        (State::Unknown, Event::Decide(Verdict::Drop), State::Cancelled),
    ];
    for state in State::ALL {
        for event in events(&outcomes, HERE) {
            let row = table.iter().find(|(from, on, _)| *from == state && *on == event);
            assert_eq!(next(state, event).map(|next| next.state), row.map(|row| row.2), "{state:?}, {event:?}");
        }
    }
}

#[test]
fn what_a_server_took_is_never_sent_again_and_what_is_settled_stays() {
    let outcomes = outcomes();
    for about in circumstances() {
        for state in State::ALL.into_iter().filter(|state| state.is_settled()) {
            for event in events(&outcomes, about) {
                assert_eq!(next(state, event), None, "{state:?}, {event:?}");
            }
        }
    }
}

#[test]
fn no_message_is_lost_every_state_is_settled_waits_for_a_time_or_for_a_person() {
    let outcomes = outcomes();
    for state in State::ALL {
        let asks_a_person = matches!(state, State::Held | State::Unknown);
        let kinds = [state.is_settled(), state.is_waiting(), asks_a_person];
        assert_eq!(kinds.iter().filter(|is| **is).count(), 1, "{state:?} is exactly one of them");
        let goes_on = events(&outcomes, HERE).into_iter().any(|event| next(state, event).is_some());
        assert_eq!(goes_on, !state.is_settled(), "{state:?} has a way on unless it is settled");
    }
}

#[test]
fn an_unknown_outcome_is_tried_again_only_where_that_doubles_nothing_or_the_stage_says_so() {
    let [.., unknown] = outcomes();
    let after = |about| next(State::Leased, Event::End(&unknown, about)).unwrap();
    assert_eq!(after(HERE).state, State::Unknown);
    let resend = Circumstances { on_unknown: OnUnknown::Resend, ..HERE };
    assert_eq!(after(resend), Next { state: State::Deferred, wait: retry_delay(1, 0.0) });
    assert_eq!(after(Circumstances { is_too_late: true, ..resend }).state, State::Unknown);
    let file = Circumstances { takes_repeats_as_one: true, ..HERE };
    assert_eq!(after(file), Next { state: State::Deferred, wait: SignedDuration::ZERO });
}

#[test]
fn waits_grow_until_it_is_too_late_and_then_the_notice_climbs() {
    let [_, deferred, ..] = outcomes();
    let after = |about| next(State::Leased, Event::End(&deferred, about)).unwrap();
    let waits = [1, 2, 3, 4, 5, 6].map(|attempts| after(Circumstances { attempts, ..HERE }).wait.as_mins());
    assert_eq!(waits, [1, 5, 15, 60, 240, 240]);
    let late = after(Circumstances { is_too_late: true, attempts: 7, ..HERE });
    assert_eq!(late, Next { state: State::Rejected, wait: SignedDuration::ZERO });
}

#[test]
fn words_read_back() {
    assert_eq!(State::ALL.map(|state| State::parse(state.as_str())), State::ALL.map(Some));
    assert_eq!(Verdict::ALL.map(|verdict| Verdict::parse(verdict.as_str())), Verdict::ALL.map(Some));
    assert_eq!((State::parse("sent"), Verdict::parse("again")), (None, None));
}
