//! Notices that a counter was restored to the value that it has, which its number does not show:
//! its row was then written by another transaction. What a restored backup has lost beside the
//! counter, such as a user that was created since, changed no epoch.

use crate::storage::epoch_row::EpochRow;

/// The row of a counter as it was polled last.
#[derive(Debug, Default)]
pub(super) struct PolledEpoch(Option<EpochRow>);

impl PolledEpoch {
    /// Records the next row. Returns whether it is another one with the same epoch.
    pub(super) fn was_replaced(&mut self, row: EpochRow) -> bool {
        self.0.replace(row).is_some_and(|last| last.epoch == row.epoch && last != row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_of_the_same_epoch_and_another_transaction_was_replaced() {
        let mut polled = PolledEpoch::default();
        let rows = [(7, 100), (7, 100), (8, 101), (8, 150), (8, 150), (7, 151), (9, 160)];
        let replaced: Vec<bool> = rows
            .into_iter()
            .map(|(epoch, transaction)| polled.was_replaced(EpochRow { epoch, transaction }))
            .collect();
        assert_eq!(replaced, [false, false, false, true, false, false, false]);
    }
}
