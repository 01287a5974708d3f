//! Text of every kind: numbers, lists, lines, hashes, escaping, and the words of others made harmless.

pub(crate) mod base64;
pub(crate) mod dates;
pub mod difference;
pub mod escape;
pub mod figures;
pub mod lines;
pub mod lists;
pub mod numbers;
pub mod object_address;
pub mod percent;
pub mod sha256;
pub mod terminal;
pub mod untrusted;
