//! Whatever happens in whatever order: nothing is fresh that was read before a change of which the
//! process has learned.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const ITEMS: [&str; 4] = ["metrics/a", "metrics/b", "domains/a", "domains/b"];
/// The place of the list beside the items.
const LIST: usize = ITEMS.len();

/// The items of one statement; none if they are not named.
type Statement = Option<[bool; ITEMS.len()]>;

#[derive(Clone, Debug)]
enum Step {
    /// Another process changes the catalogue.
    Change(Vec<Statement>),
    Deliver(usize),
    Lose(usize),
    /// The listener has a new connection; what was not delivered is lost.
    Reconnect,
    /// A reconnect to a server that lacks so many changes.
    FailOver(i64),
    BeginPoll,
    ReadPoll,
    EndPoll,
    BeginOwn,
    CommitOwn(Vec<Statement>),
    ApplyOwn,
    BeginRead(usize),
    QueryRead(usize),
    EndRead(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let statement = || prop::option::weighted(0.8, any::<[bool; ITEMS.len()]>());
    let statements = || vec(statement(), 1..3);
    let step = prop_oneof![
        6 => statements().prop_map(Step::Change),
        8 => (1_usize..5).prop_map(Step::Deliver),
        3 => (1_usize..3).prop_map(Step::Lose),
        1 => Just(Step::Reconnect),
        1 => (1_i64..4).prop_map(Step::FailOver),
        3 => Just(Step::BeginPoll),
        3 => Just(Step::ReadPoll),
        3 => Just(Step::EndPoll),
        4 => Just(Step::BeginOwn),
        4 => statements().prop_map(Step::CommitOwn),
        4 => Just(Step::ApplyOwn),
        8 => (0..=LIST).prop_map(Step::BeginRead),
        8 => any::<usize>().prop_map(Step::QueryRead),
        8 => any::<usize>().prop_map(Step::EndRead),
    ];
    vec(step, 1..120)
}

/// The database. `time` counts all changes, also those that a failover takes back.
#[derive(Default)]
struct Database {
    number: i64,
    time: u64,
    /// When each item, and the list, was changed.
    changes: [Vec<u64>; ITEMS.len() + 1],
    notifications: VecDeque<(CatalogueEvent, u64)>,
}

impl Database {
    fn touch(&mut self, statement: Statement) {
        self.time += 1;
        for place in 0..=LIST {
            if place == LIST || statement.is_none_or(|items| items[place]) {
                self.changes[place].push(self.time);
            }
        }
    }

    /// Returns what the transaction knows of its changes.
    fn commit(&mut self, statements: &[Statement]) -> CatalogueEvent {
        let mut all = ChangedItems::Only(Vec::new());
        for statement in statements {
            self.number += 1;
            self.touch(*statement);
            let named = statement.map(|items| {
                let named = ITEMS.iter().zip(items).filter(|(_, is_changed)| *is_changed);
                named.map(|(item, _)| (*item).to_owned()).collect::<Vec<_>>()
            });
            match (named, &mut all) {
                (Some(named), all) => {
                    if let ChangedItems::Only(all) = all {
                        all.extend(named.clone());
                    }
                    let items = ChangedItems::Only(named);
                    let event = CatalogueEvent { epoch: self.number, items };
                    self.notifications.push_back((event, self.time));
                }
                (None, all) => *all = ChangedItems::All,
            }
            let event = CatalogueEvent::of_any_item(self.number);
            self.notifications.push_back((event, self.time));
        }
        CatalogueEvent { epoch: self.number, items: all }
    }
}

struct Read {
    place: usize,
    epoch: CatalogueEpoch,
    queried: Option<u64>,
}

/// What a transaction of its own has changed, and when.
type OwnChange = (i64, CatalogueEvent, u64);

struct Process {
    epochs: CatalogueEpochs,
    now: Instant,
    /// All changes up to this time are known to it.
    informed: u64,
    poll: Option<(CatalogueEpoch, Option<(i64, u64)>)>,
    own: Option<(CatalogueEpoch, Option<OwnChange>)>,
    reads: Vec<Read>,
    /// What was read and inserted.
    cached: Vec<Read>,
}

impl Process {
    fn learn(&mut self, time: u64) {
        self.informed = self.informed.max(time);
    }

    fn step(&mut self, database: &mut Database, step: Step) {
        match step {
            Step::Change(statements) => {
                database.commit(&statements);
            }
            Step::Deliver(count) => {
                for _ in 0..count {
                    if let Some((event, time)) = database.notifications.pop_front() {
                        self.epochs.apply_notified(&event, self.now);
                        self.learn(time);
                    }
                }
            }
            Step::Lose(count) => {
                for _ in 0..count {
                    database.notifications.pop_front();
                }
            }
            Step::Reconnect => self.reconnect(database),
            Step::FailOver(lost) => {
                database.number = (database.number - lost).max(0);
                database.touch(None);
                self.reconnect(database);
            }
            Step::BeginPoll => self.poll = Some((self.epochs.current(), None)),
            Step::ReadPoll => {
                if let Some((_, read)) = &mut self.poll {
                    *read = Some((database.number, database.time));
                }
            }
            Step::EndPoll => {
                if let Some((before, Some((number, time)))) = self.poll.take() {
                    let is_ignored = before.incarnation != self.epochs.current().incarnation;
                    self.epochs.apply_polled(number, before, self.now);
                    self.learn(if is_ignored { 0 } else { time });
                }
            }
            Step::BeginOwn => self.own = Some((self.epochs.current(), None)),
            Step::CommitOwn(statements) => {
                if let Some((_, change @ None)) = &mut self.own {
                    let locked = database.number;
                    let event = database.commit(&statements);
                    *change = Some((locked, event, database.time));
                }
            }
            Step::ApplyOwn => {
                if let Some((before, Some((locked, event, time)))) = self.own.take() {
                    self.epochs.apply_committed(locked, &event, before, self.now);
                    self.learn(time);
                }
            }
            Step::BeginRead(place) => {
                self.reads.push(Read { place, epoch: self.epochs.current(), queried: None });
            }
            Step::QueryRead(index) => {
                let count = self.reads.len().max(1);
                if let Some(read) = self.reads.get_mut(index % count) {
                    read.queried = Some(database.time);
                }
            }
            Step::EndRead(index) => {
                let index = index % self.reads.len().max(1);
                if self.reads.get(index).is_some_and(|read| read.queried.is_some()) {
                    self.cached.push(self.reads.swap_remove(index));
                }
            }
        }
    }

    fn reconnect(&mut self, database: &mut Database) {
        database.notifications.clear();
        self.epochs.start_incarnation();
        self.learn(database.time);
    }

    fn is_fresh(&self, read: &Read) -> bool {
        let item = ITEMS.get(read.place).map(|item| self.epochs.dependency_on(item));
        self.epochs.is_fresh(read.epoch, item.unwrap_or(Dependency::Catalogue), self.now)
    }

    /// A cached read that is fresh although it is older than a change that is known.
    fn outdated(&self, database: &Database) -> Option<&Read> {
        self.cached.iter().find(|read| {
            let known = database.changes[read.place].iter().rev();
            let last = known.copied().find(|time| *time <= self.informed);
            self.is_fresh(read) && read.queried < last
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_older_than_a_known_change_is_fresh(steps in steps()) {
        let (epochs, now) = (CatalogueEpochs::default(), Instant::now());
        let (informed, poll, own) = (0, None, None);
        let (reads, cached) = (Vec::new(), Vec::new());
        let mut process = Process { epochs, now, informed, poll, own, reads, cached };
        let mut database = Database::default();
        for step in steps {
            let description = format!("{step:?}");
            process.step(&mut database, step);
            if let Some(read) = process.outdated(&database) {
                prop_assert!(false, "after {description}: place {} is outdated", read.place);
            }
        }
    }
}
