//! The replay of the ACIC 2016 competition.

mod bad; // directories with every fault we could think of
mod made; // small directories in the official layout
mod pack; // the bundled pack, and scores against published values
mod replay; // shards, threads, kills, other replays in the same folder
