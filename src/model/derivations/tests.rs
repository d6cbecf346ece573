//! Tests of `model::derivations`.

use proptest::prelude::*;

use super::*;

fn graph(edges: &[(usize, usize)]) -> Derivations {
    let mut graph = Derivations::default();
    for (metric, upstream) in edges {
        graph.add(&format!("m{metric}"), &format!("m{upstream}"));
    }
    graph
}

fn cycle(graph: &Derivations, metric: &str, upstream: &str) -> Option<String> {
    graph.cycle(&graph.components(), (metric, upstream))
}

#[test]
fn shortest_cycle_of_an_edge_is_named() {
    let edges = [(1, 2), (2, 3), (3, 1), (3, 4), (4, 1), (5, 1), (6, 6)];
    let graph = graph(&edges);
    assert_eq!(cycle(&graph, "m1", "m2").as_deref(), Some("m1 → m2 → m3 → m1"));
    assert_eq!(cycle(&graph, "m3", "m4").as_deref(), Some("m3 → m4 → m1 → m2 → m3"));
    assert_eq!(cycle(&graph, "m6", "m6").as_deref(), Some("m6 → m6"));
    assert_eq!(cycle(&graph, "m5", "m1"), None);
    assert_eq!(cycle(&graph, "m9", "m1"), None);
}

#[test]
fn cycles_of_any_length_are_found_and_long_ones_shortened() {
    for length in [1, 2, 50, 100, 101, 10_000] {
        let edges: Vec<_> = (0..length).map(|from| (from, (from + 1) % length)).collect();
        let graph = graph(&edges);
        let cycle = cycle(&graph, "m0", &format!("m{}", 1 % length)).expect("a cycle");
        assert!(cycle.starts_with("m0 → ") && cycle.len() < 2_000, "{cycle}");
        if length <= MAX_NAMED {
            assert!(cycle.ends_with(" → m0"), "{cycle}");
            assert_eq!(cycle.matches('→').count(), length);
        } else {
            assert!(cycle.ends_with(&format!("… → m0 ({length} metrics)")), "{cycle}");
        }
    }
}

proptest! {
    #[test]
    fn edge_is_in_a_cycle_exactly_if_its_end_reaches_its_beginning(
        edges in prop::collection::vec((0_usize..12, 0_usize..12), 1..40),
    ) {
        let graph = graph(&edges);
        let mut reaches = [[false; 12]; 12];
        for (from, to) in &edges {
            reaches[*from][*to] = true;
        }
        for over in 0..12 {
            for from in 0..12 {
                for to in 0..12 {
                    reaches[from][to] |= reaches[from][over] && reaches[over][to];
                }
            }
        }
        for (from, to) in &edges {
            let found = cycle(&graph, &format!("m{from}"), &format!("m{to}"));
            prop_assert_eq!(found.is_some(), from == to || reaches[*to][*from], "{:?}", found);
        }
    }
}
