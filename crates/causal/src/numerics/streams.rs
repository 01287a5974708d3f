//! Seeded random streams: one root seed, one independent stream per named stage.
//!
//! A stage's stream depends on the seed and on the stage's name, never on the order of calls, so adding a stage leaves
//! every other stage's numbers as they were.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The stream of `stage` under the root `seed`: ChaCha8 keyed with SHA-256(seed, stage).
#[must_use]
pub fn stream(seed: u64, stage: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    // The seed has a fixed width, so different (seed, stage) never hash the same bytes.
    hash.update(seed.to_le_bytes());
    hash.update(stage.as_bytes());
    let mut key = [0_u8; 32];
    key.copy_from_slice(&hash.finalize());
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use crate::numerics::streams::*;
    use rand::RngExt;

    #[test]
    fn the_same_name_gives_the_same_stream_and_other_names_other_streams() {
        let draw = |seed, stage| stream(seed, stage).random::<u64>();
        assert_eq!(draw(1, "folds"), draw(1, "folds"));
        assert_ne!(draw(1, "folds"), draw(1, "bootstrap"));
        assert_ne!(draw(1, "folds"), draw(2, "folds"));
    }
}
