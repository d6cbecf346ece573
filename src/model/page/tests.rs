//! Tests of `model::page`.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn pages_cover_the_list_exactly(total in 0_i64..5000, limit in 1_i64..=100) {
        let first = PageRequest { page: 1, limit }.paginate(total);
        let items: i64 = (1..=first.pages)
            .map(|page| (total - PageRequest { page, limit }.offset()).clamp(0, limit))
            .sum();
        prop_assert_eq!(items, total);
        prop_assert_eq!(first.has_next, total > limit);
        let last = PageRequest { page: first.pages.max(1), limit }.paginate(total);
        prop_assert!(!last.has_next);
    }
}
