//! The order of SRV records (RFC 2782).

/// One SRV record, whatever its target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Srv<T> {
    /// Lower ones come first.
    pub priority: u16,
    /// Share of the choices among those of the same priority.
    pub weight: u16,
    /// The target.
    pub target: T,
}

/// Orders records: by priority, within one priority by chance in proportion to weight. `dice` gives a number from 0 up to
/// and including its argument.
pub(super) fn ordered<T>(mut records: Vec<Srv<T>>, mut dice: impl FnMut(u32) -> u32) -> Vec<T> {
    // Those without weight come first, so that they have the small chance that RFC 2782 leaves them.
    records.sort_by_key(|srv| (srv.priority, srv.weight));
    let mut order = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let priority = first.priority;
        let same = records.iter().take_while(|srv| srv.priority == priority);
        let weights: Vec<u32> = same.map(|srv| u32::from(srv.weight)).collect();
        let chosen = dice(weights.iter().sum());
        let mut sum = 0;
        let place = weights.iter().position(|weight| {
            sum += weight;
            sum >= chosen
        });
        order.push(records.remove(place.unwrap_or_default()).target);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(of: &[(u16, u16, &'static str)]) -> Vec<Srv<&'static str>> {
        let srv = |&(priority, weight, target)| Srv {
            priority,
            weight,
            target,
        };
        of.iter().map(srv).collect()
    }

    #[test]
    fn lower_priorities_come_first_whatever_their_weight() {
        let of = [(20, 1000, "later"), (10, 0, "a"), (10, 1, "b")];
        assert_eq!(ordered(records(&of), |_| 0), ["a", "b", "later"]);
        assert_eq!(ordered(records(&of), |sum| sum), ["b", "a", "later"]);
    }

    #[test]
    fn weights_share_the_choices() {
        let of = [(1, 10, "one"), (1, 60, "six"), (1, 30, "three")];
        let mut first = std::collections::HashMap::new();
        // Every number of the dice once: 0 to 100.
        for number in 0..=100 {
            let mut numbers = [number].into_iter();
            let order = ordered(records(&of), |_| numbers.next().unwrap_or_default());
            *first.entry(order[0]).or_insert(0) += 1;
            assert_eq!(order.len(), 3);
        }
        assert_eq!((first["one"], first["three"], first["six"]), (11, 30, 60));
    }
}
