//! Places one side of a graph in columns: a node stands right of all that lead to it, an edge that
//! passes a column has a place of its own there, and the nodes of a column are sorted by the mean
//! place of their neighbours (the barycentre heuristic), so that few edges cross.

/// Height of a node, in pixels.
pub(super) const NODE_HEIGHT: usize = 46;
const BEND_HEIGHT: usize = 12;
const GAP: usize = 14;
/// Most bends of all edges; of a graph with more they are straight.
const MAX_BENDS: usize = 400;
/// How often the columns are sorted, there and back.
const SWEEPS: usize = 4;

/// The place of a node, or of an edge that passes a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotPlace {
    /// 0 for the root.
    pub(super) column: usize,
    /// The centre, in pixels from the top.
    pub(super) y: usize,
    pub(super) is_bend: bool,
}

/// A side of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SideLayout {
    /// Those of the nodes, the root first.
    pub(super) places: Vec<SlotPlace>,
    /// The places that each edge connects, away from the root. Edges that close a cycle have none.
    pub(super) routes: Vec<Vec<SlotPlace>>,
    pub(super) columns: usize,
    /// The height of the highest column, in pixels.
    pub(super) height: usize,
}

/// What takes up a place.
#[derive(Clone, Debug, Default)]
struct Slot {
    column: usize,
    height: usize,
    /// Position within the column.
    rank: usize,
    y: usize,
    /// Neighbours on the side of the root, and on the other.
    before: Vec<usize>,
    after: Vec<usize>,
}

/// Places `count` nodes, of which 0 is the root and the others come nearest first.
pub(super) fn place(count: usize, edges: &[(usize, usize)]) -> SideLayout {
    let columns = columns_of(count, edges);
    let column = |node: usize| columns.get(node).copied().unwrap_or_default();
    let forward = edges.iter().copied().filter(|(from, to)| column(*from) < column(*to));
    let forward: Vec<(usize, usize)> = forward.collect();
    let passed = |(from, to): (usize, usize)| column(from).saturating_add(1)..column(to);
    let bends: usize = forward.iter().map(|edge| passed(*edge).len()).sum();
    let slot = |column, height| Slot { column, height, ..Slot::default() };
    let mut slots: Vec<Slot> = columns.iter().map(|column| slot(*column, NODE_HEIGHT)).collect();
    let mut chains: Vec<Vec<usize>> = Vec::new();
    for edge in forward {
        let mut chain = vec![edge.0];
        for column in passed(edge).filter(|_| bends <= MAX_BENDS) {
            chain.push(slots.len());
            slots.push(slot(column, BEND_HEIGHT));
        }
        chain.push(edge.1);
        for (from, to) in chain.iter().zip(chain.iter().skip(1)) {
            if let Some(slot) = slots.get_mut(*from) {
                slot.after.push(*to);
            }
            if let Some(slot) = slots.get_mut(*to) {
                slot.before.push(*from);
            }
        }
        chains.push(chain);
    }
    let mut grid = grid_of(&slots);
    sort_all(&mut grid, &mut slots);
    let height = stack(&grid, &mut slots);
    let place_of = |index: &usize| {
        let slot = slots.get(*index).cloned().unwrap_or_default();
        SlotPlace { column: slot.column, y: slot.y, is_bend: *index >= count }
    };
    let routes = chains.iter().map(|chain| chain.iter().map(place_of).collect()).collect();
    let places = (0..count).map(|index| place_of(&index)).collect();
    SideLayout { places, routes, columns: grid.len(), height }
}

/// Returns the column of each node: the length of the longest way from the root. Where nodes wait
/// for each other, there is a cycle, and the nearest one comes first.
fn columns_of(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut columns: Vec<Option<usize>> = vec![None; count];
    if let Some(root) = columns.first_mut() {
        *root = Some(0);
    }
    for _ in 1..count {
        let at = |node: usize| columns.get(node).copied().flatten();
        let waits = |node: usize| {
            edges.iter().any(|(from, to)| *to == node && *from != node && at(*from).is_none())
        };
        let mut open = (0..count).filter(|node| at(*node).is_none());
        let Some(first) = open.next() else { break };
        let next = if waits(first) { open.find(|node| !waits(*node)) } else { None };
        let next = next.unwrap_or(first);
        let before = edges.iter().filter(|(_, to)| *to == next).filter_map(|(from, _)| at(*from));
        let column = before.max().map_or(1, |column| column.saturating_add(1));
        if let Some(found) = columns.get_mut(next) {
            *found = Some(column);
        }
    }
    columns.into_iter().map(Option::unwrap_or_default).collect()
}

/// Returns the slots of each column.
fn grid_of(slots: &[Slot]) -> Vec<Vec<usize>> {
    let count = slots.iter().map(|slot| slot.column.saturating_add(1)).max().unwrap_or(1);
    let of_column = |column| {
        let numbered = slots.iter().enumerate().filter(move |(_, slot)| slot.column == column);
        numbered.map(|(index, _)| index).collect()
    };
    (0..count).map(of_column).collect()
}

fn sort_all(grid: &mut [Vec<usize>], slots: &mut [Slot]) {
    for column in grid.iter() {
        number(column, slots);
    }
    for _ in 0..SWEEPS {
        for column in grid.iter_mut() {
            sort(column, slots, |slot| &slot.before);
        }
        for column in grid.iter_mut().rev() {
            sort(column, slots, |slot| &slot.after);
        }
    }
}

/// Sorts a column by the mean rank of the neighbours; what has none stays where it is.
fn sort(column: &mut [usize], slots: &mut [Slot], neighbours: fn(&Slot) -> &[usize]) {
    let rank = |index: &usize| slots.get(*index).map_or(0, |slot| slot.rank);
    let mean = |index: &usize| {
        let near = slots.get(*index).map_or(&[][..], neighbours);
        let sum: usize = near.iter().map(rank).sum();
        sum.saturating_mul(1000).checked_div(near.len()).unwrap_or_else(|| rank(index) * 1000)
    };
    column.sort_by_cached_key(mean);
    number(column, slots);
}

fn number(column: &[usize], slots: &mut [Slot]) {
    for (rank, index) in column.iter().enumerate() {
        if let Some(slot) = slots.get_mut(*index) {
            slot.rank = rank;
        }
    }
}

/// Stacks the slots of each column, around the same middle. Returns the height of the highest.
fn stack(grid: &[Vec<usize>], slots: &mut [Slot]) -> usize {
    let height_of = |column: &Vec<usize>, slots: &[Slot]| {
        let heights = column.iter().filter_map(|index| slots.get(*index)).map(|slot| slot.height);
        heights.map(|height| height.saturating_add(GAP)).sum::<usize>()
    };
    let highest = grid.iter().map(|column| height_of(column, slots)).max().unwrap_or_default();
    for column in grid {
        let mut top = highest.saturating_sub(height_of(column, slots)) / 2;
        for index in column {
            if let Some(slot) = slots.get_mut(*index) {
                slot.y = top.saturating_add(slot.height.midpoint(GAP));
                top = top.saturating_add(slot.height + GAP);
            }
        }
    }
    highest
}

#[cfg(test)]
mod tests;
