//! Tests of `cache::two_generations`.

use super::*;

#[test]
fn promoted_value_survives_and_weight_is_bounded() {
    let mut map = TwoGenerations::<u32, Vec<u8>>::new(1000, Vec::len);
    assert!(map.is_empty());
    map.insert(0, vec![0; 10]);
    for key in 1..10_000 {
        map.update_or_insert_with(key, || vec![0; 5], |value| value.push(0));
        map.promote(&0);
        let weight: usize = map.young.values().chain(map.old.values()).map(Vec::len).sum();
        assert!(weight <= 1010, "{weight}");
    }
    assert!(map.get(&0).is_some() && map.get(&1).is_none());
    let number = map.len();
    assert!(!map.is_empty());
    map.remove(&0);
    assert!(map.get(&0).is_none() && map.len() == number - 1);
}
