//! Text of every kind: numbers, lists, escaping, words that nobody here wrote.

pub mod escape;
pub mod lists;
pub mod numbers;
pub mod untrusted;
