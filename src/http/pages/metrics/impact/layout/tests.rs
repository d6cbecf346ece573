//! Tests of `layout`.

use super::*;

fn columns(layout: &SideLayout) -> Vec<usize> {
    layout.places.iter().map(|place| place.column).collect()
}

/// Number of pairs of edges between the same columns that cross.
fn crossings(layout: &SideLayout) -> usize {
    let mut steps = Vec::new();
    for route in &layout.routes {
        steps.extend(route.windows(2).map(|pair| (pair[0], pair[1])));
    }
    let cross = |one: &(SlotPlace, SlotPlace), other: &(SlotPlace, SlotPlace)| {
        one.0.column == other.0.column
            && (one.0.y < other.0.y && one.1.y > other.1.y
                || one.0.y > other.0.y && one.1.y < other.1.y)
    };
    let pairs = steps
        .iter()
        .enumerate()
        .flat_map(|(at, one)| steps[at + 1..].iter().map(move |other| (one, other)));
    pairs.filter(|(one, other)| cross(one, other)).count()
}

#[test]
fn node_stands_right_of_all_that_lead_to_it() {
    // 3 is reached in one step, too, but derives from 2.
    let layout = place(4, &[(0, 1), (1, 2), (2, 3), (0, 3)]);
    assert_eq!(columns(&layout), [0, 1, 2, 3]);
    assert_eq!((layout.columns, layout.routes.len()), (4, 4));
    // The long edge passes two columns beside their nodes.
    let bends: Vec<&SlotPlace> = layout.routes[3].iter().filter(|place| place.is_bend).collect();
    assert_eq!(bends.len(), 2);
    for bend in bends {
        let node = layout.places.iter().find(|node| node.column == bend.column).unwrap();
        assert!(bend.y.abs_diff(node.y) >= usize::midpoint(NODE_HEIGHT, BEND_HEIGHT), "{layout:?}");
    }
}

#[test]
fn cycles_end_and_all_nodes_have_a_place() {
    let edges = [(0, 1), (1, 2), (2, 3), (3, 1), (3, 0), (2, 2)];
    let layout = place(4, &edges);
    assert_eq!(columns(&layout), [0, 1, 2, 3]);
    assert_eq!(layout.routes.len(), 3, "the edges that close a cycle are left out");
    assert_eq!(place(1, &[]).places.len(), 1);
    assert_eq!(place(0, &[]).columns, 1);
}

#[test]
fn neighbours_are_put_beside_each_other() {
    // In their given order the edges cross.
    let layout = place(7, &[(0, 1), (0, 2), (0, 3), (1, 6), (2, 5), (3, 4)]);
    assert_eq!(crossings(&layout), 0, "{layout:?}");
}

#[test]
fn nodes_of_a_column_do_not_overlap() {
    let edges: Vec<(usize, usize)> =
        (1..40).map(|node| ((node - 1) / 3, node)).chain((1..30).map(|node| (0, node))).collect();
    let layout = place(40, &edges);
    for (at, one) in layout.places.iter().enumerate() {
        for other in &layout.places[at + 1..] {
            assert!(one.column != other.column || one.y.abs_diff(other.y) >= NODE_HEIGHT);
        }
        assert!(one.y >= NODE_HEIGHT / 2 && one.y + NODE_HEIGHT / 2 <= layout.height);
    }
}

#[test]
fn work_is_bounded() {
    // All edges that sixty nodes can have.
    let edges: Vec<(usize, usize)> =
        (0..61).flat_map(|from| (from + 1..61).map(move |to| (from, to))).collect();
    let layout = place(61, &edges);
    assert_eq!((layout.columns, layout.routes.len()), (61, edges.len()));
    assert!(layout.routes.iter().all(|route| route.len() == 2), "no bends");
}
