//! Drawing a variant by weight.

use std::sync::Arc;

/// A draw group with its variants in order.
#[derive(Debug, Default)]
pub(crate) struct CompiledGroup {
    /// The environment's label.
    pub(crate) label: Arc<str>,
    /// Labels and weights; the index is the variant's number in every route of the group.
    pub(crate) variants: Vec<(Arc<str>, u32)>,
    total: u32,
}

impl CompiledGroup {
    /// A group of these variants.
    pub(crate) fn new(label: &str, variants: Vec<(Arc<str>, u32)>) -> Self {
        let total = variants.iter().map(|(_, weight)| weight).sum();
        Self { label: label.into(), variants, total }
    }

    /// The number of a variant.
    pub(crate) fn number(&self, variant: &str) -> Option<usize> {
        self.variants.iter().position(|(label, _)| &**label == variant)
    }

    /// The number of a variant that may be drawn.
    pub(crate) fn number_with_weight(&self, variant: &str) -> Option<usize> {
        self.number(variant).filter(|&number| self.variants[number].1 > 0)
    }

    /// The variant that a random number falls on, evenly over all of `u64`; `None` if nothing has weight.
    pub(crate) fn draw(&self, random: u64) -> Option<usize> {
        // The high half of the product is an even share of the total; a remainder would favour the first ones.
        let mut point = ((u128::from(random) * u128::from(self.total)) >> 64) as u32;
        for (number, (_, weight)) in self.variants.iter().enumerate() {
            if point < *weight {
                return Some(number);
            }
            point -= weight;
        }
        None
    }

    /// The variant that a sticky cookie's value falls on. The order of the variants being kept, a shift moves values
    /// from the one that loses weight to the one that gains it, never to and fro.
    pub(crate) fn draw_sticky(&self, value: &[u8]) -> Option<usize> {
        self.draw(stable_hash(value))
    }
}

/// The same number in every process and on every machine, spread over all of `u64` (FNV-1a, then the finalizer of
/// splitmix64, because FNV's high bits hardly move for short values).
fn stable_hash(value: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in value {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    fn group(weights: &[u32]) -> CompiledGroup {
        let variants = weights.iter().enumerate().map(|(i, w)| (Arc::from(i.to_string()), *w)).collect();
        CompiledGroup::new("app/prod", variants)
    }

    /// Weights that add up to 100, or all 0.
    fn weights() -> impl Strategy<Value = Vec<u32>> {
        prop_oneof![
            Just(vec![0, 0]),
            Just(vec![]),
            (0..=100u32).prop_map(|a| vec![a, 100 - a]),
            (0..=100u32, 0..=100u32).prop_map(|(a, b)| {
                let (low, high) = (a.min(b), a.max(b));
                vec![low, high - low, 100 - high]
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_variant_without_weight_is_never_drawn(weights in weights(), random: u64, value: Vec<u8>) {
            let group = group(&weights);
            for drawn in [group.draw(random), group.draw(0), group.draw(u64::MAX), group.draw_sticky(&value)] {
                prop_assert_eq!(drawn.is_some(), weights.iter().any(|w| *w > 0));
                if let Some(number) = drawn {
                    prop_assert!(weights[number] > 0);
                }
            }
        }

        #[test]
        fn the_same_value_falls_on_the_same_variant(weights in weights(), value: Vec<u8>) {
            prop_assert_eq!(group(&weights).draw_sticky(&value), group(&weights).draw_sticky(&value));
        }

        #[test]
        fn a_shift_moves_values_one_way(before in 0..=100u32, more in 0..=100u32, value: Vec<u8>) {
            let after = (before + more).min(100);
            let old_then = group(&[100 - before, before]).draw_sticky(&value);
            let old_now = group(&[100 - after, after]).draw_sticky(&value);
            prop_assert!(old_then <= old_now, "{old_then:?} went back to {old_now:?}");
        }

        #[test]
        fn draws_are_spread_by_weight(weights in weights(), seed: u64) {
            let group = group(&weights);
            let mut random = SmallRng::seed_from_u64(seed);
            let mut drawn = vec![0u32; weights.len()];
            let mut sticky = vec![0u32; weights.len()];
            for turn in 0..10_000u32 {
                if let Some(number) = group.draw(random.random()) {
                    drawn[number] += 1;
                }
                if let Some(number) = group.draw_sticky(format!("user-{turn}").as_bytes()) {
                    sticky[number] += 1;
                }
            }
            for ((weight, drawn), sticky) in weights.iter().zip(drawn).zip(sticky) {
                // 10,000 draws of one half have a standard deviation of 50; four percent points are eight of them.
                prop_assert!(drawn.abs_diff(weight * 100) <= 400, "weight {weight}: {drawn}");
                prop_assert!(sticky.abs_diff(weight * 100) <= 400, "weight {weight}: {sticky} sticky");
            }
        }
    }
}
