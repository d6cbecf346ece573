//! Which metrics derive from which, as a graph, and the cycles in it. Whether an edge is in a cycle
//! is decided for all edges at once, in time that grows with the graph alone (strongly connected
//! components); the shortest cycle is searched only to name it.

use std::collections::{HashMap, VecDeque};

/// The number of metrics of a cycle that are named.
const MAX_NAMED: usize = 100;

/// A graph of metrics.
#[derive(Debug, Default)]
pub struct Derivations {
    positions: HashMap<String, usize>,
    names: Vec<String>,
    /// For each metric those that it derives from.
    upstream: Vec<Vec<usize>>,
}

/// The components of a graph: two metrics are in the same one if each derives from the other.
#[derive(Debug)]
pub struct CycleComponents(Vec<usize>);

impl Derivations {
    /// Adds an edge: `metric` derives from `upstream`.
    pub fn add(&mut self, metric: &str, upstream: &str) {
        let (metric, upstream) = (self.position(metric), self.position(upstream));
        if let Some(edges) = self.upstream.get_mut(metric) {
            edges.push(upstream);
        }
    }

    fn position(&mut self, name: &str) -> usize {
        if let Some(known) = self.positions.get(name) {
            return *known;
        }
        let position = self.names.len();
        self.names.push(name.to_owned());
        self.upstream.push(Vec::new());
        self.positions.insert(name.to_owned(), position);
        position
    }

    fn edges(&self, metric: usize) -> &[usize] {
        self.upstream.get(metric).map_or(&[], Vec::as_slice)
    }

    /// Finds the components (Tarjan's algorithm, without recursion: chains may be long).
    pub fn components(&self) -> CycleComponents {
        let count = self.names.len();
        let mut search = Search {
            component: vec![UNKNOWN; count],
            order: vec![UNKNOWN; count],
            lowest: vec![UNKNOWN; count],
            ..Search::default()
        };
        for start in 0..count {
            if at(&search.order, start) == UNKNOWN {
                search.visit(self, start);
            }
        }
        CycleComponents(search.component)
    }

    /// Returns the shortest cycle that contains an edge of the graph, in words such as `a → b → a`:
    /// each derives from the next. None if there is none.
    pub fn cycle(
        &self,
        components: &CycleComponents,
        (metric, upstream): (&str, &str),
    ) -> Option<String> {
        let (first, second) = (*self.positions.get(metric)?, *self.positions.get(upstream)?);
        let component = |metric: usize| components.0.get(metric);
        if component(first) != component(second) {
            return None;
        }
        let path = self.path(second, first, |other| component(other) == component(first))?;
        let names = std::iter::once(first).chain(path);
        Some(in_words(names.filter_map(|metric| self.names.get(metric)).map(String::as_str)))
    }

    /// Returns the shortest path along the edges, both ends included.
    fn path(&self, from: usize, to: usize, may_pass: impl Fn(usize) -> bool) -> Option<Vec<usize>> {
        let mut reached_from = HashMap::from([(from, from)]);
        let mut queue = VecDeque::from([from]);
        while let Some(last) = queue.pop_front() {
            if last == to {
                let mut path = vec![last];
                while let Some(end) = path.last().copied().filter(|end| *end != from) {
                    path.push(*reached_from.get(&end)?);
                }
                path.reverse();
                return Some(path);
            }
            for next in self.edges(last).iter().copied().filter(|next| may_pass(*next)) {
                reached_from.entry(next).or_insert_with(|| {
                    queue.push_back(next);
                    last
                });
            }
        }
        None
    }
}

/// Names a cycle; of a long one the beginning.
fn in_words<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let length = names.len().saturating_sub(1);
    if length <= MAX_NAMED {
        return names.join(" → ");
    }
    let shown = names.get(..MAX_NAMED).unwrap_or_default().join(" → ");
    let first = names.first().copied().unwrap_or_default();
    format!("{shown} → … → {first} ({length} metrics)")
}

const UNKNOWN: usize = usize::MAX;

#[derive(Debug, Default)]
struct Search {
    component: Vec<usize>,
    order: Vec<usize>,
    lowest: Vec<usize>,
    open: Vec<usize>,
    visited: usize,
    components: usize,
}

impl Search {
    fn begin(&mut self, metric: usize) {
        set(&mut self.order, metric, self.visited);
        set(&mut self.lowest, metric, self.visited);
        self.visited = self.visited.saturating_add(1);
        self.open.push(metric);
    }

    fn lower(&mut self, metric: usize, to: usize) {
        let lowest = at(&self.lowest, metric).min(to);
        set(&mut self.lowest, metric, lowest);
    }

    fn visit(&mut self, graph: &Derivations, start: usize) {
        self.begin(start);
        // A metric, and how many of its edges were followed.
        let mut stack = vec![(start, 0_usize)];
        while let Some((metric, followed)) = stack.last_mut() {
            let metric = *metric;
            if let Some(next) = graph.edges(metric).get(*followed).copied() {
                *followed = followed.saturating_add(1);
                if at(&self.order, next) == UNKNOWN {
                    self.begin(next);
                    stack.push((next, 0));
                } else if at(&self.component, next) == UNKNOWN {
                    self.lower(metric, at(&self.order, next));
                }
                continue;
            }
            stack.pop();
            let lowest = at(&self.lowest, metric);
            if lowest == at(&self.order, metric) {
                self.close(metric);
            }
            if let Some((outer, _)) = stack.last() {
                self.lower(*outer, lowest);
            }
        }
    }

    /// Ends the component whose first metric this is.
    fn close(&mut self, first: usize) {
        while let Some(metric) = self.open.pop() {
            set(&mut self.component, metric, self.components);
            if metric == first {
                break;
            }
        }
        self.components = self.components.saturating_add(1);
    }
}

fn at(list: &[usize], metric: usize) -> usize {
    list.get(metric).copied().unwrap_or(UNKNOWN)
}

fn set(list: &mut [usize], metric: usize, value: usize) {
    if let Some(place) = list.get_mut(metric) {
        *place = value;
    }
}

#[cfg(test)]
mod tests;
