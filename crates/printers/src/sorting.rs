//! Sorting by comparisons that need not be consistent.
//!
//! Upstream compares keys and fields in ways that are no total order. The sorts of the standard library may
//! panic on such comparisons; these only sort badly.

/// Longest list that upstream sorts by insertion, which shows when comparisons are inconsistent.
const INSERTION: usize = 12;

/// Sorts stably.
pub(crate) fn stable<T>(items: Vec<T>, mut less: impl FnMut(&T, &T) -> bool) -> Vec<T> {
    let mut runs: Vec<Vec<T>> = items.into_iter().map(|item| vec![item]).collect();
    while runs.len() > 1 {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut left = runs.into_iter();
        while let Some(first) = left.next() {
            merged.push(match left.next() {
                Some(second) => merge(first, second, &mut less),
                None => first,
            });
        }
        runs = merged;
    }
    runs.pop().unwrap_or_default()
}

fn merge<T>(first: Vec<T>, second: Vec<T>, less: &mut impl FnMut(&T, &T) -> bool) -> Vec<T> {
    let mut out = Vec::with_capacity(first.len().saturating_add(second.len()));
    let (mut first, mut second) = (first.into_iter().peekable(), second.into_iter().peekable());
    while let (Some(a), Some(b)) = (first.peek(), second.peek()) {
        let next = if less(b, a) { second.next() } else { first.next() };
        out.extend(next);
    }
    out.extend(first);
    out.extend(second);
    out
}

/// Sorts as upstream does: short lists by insertion, where items that are less than each other change places.
pub(crate) fn like_go<T>(mut items: Vec<T>, mut less: impl FnMut(&T, &T) -> bool) -> Vec<T> {
    if items.len() > INSERTION {
        return stable(items, less);
    }
    for end in 1..items.len() {
        let mut at = end;
        while at > 0 && less(&items[at], &items[at - 1]) {
            items.swap(at, at - 1);
            at -= 1;
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_items_keep_their_order() {
        let pairs = (0..40_u32).map(|index| (index % 3, index)).collect();
        let sorted = stable(pairs, |a: &(u32, u32), b| a.0 < b.0);
        assert!(sorted.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn inconsistent_comparisons_do_no_harm() {
        assert_eq!(like_go(vec![1, 2, 3], |_, _| true), [3, 2, 1]);
        assert_eq!(stable((0..100).collect(), |_, _| true).len(), 100);
    }
}
