//! The replay of the ACIC 2016 competition.

mod bad; // directories with every fault we could think of
mod damage; // what was good, and was changed: covariates, files of the folder
mod export; // datasets as plans of their own, with known answers
mod made; // small directories in the official layout
mod pack; // the bundled pack, and scores against published values
mod parts; // made packs: parts, truths, a single dataset
mod replay; // shards, threads, kills, other replays in the same folder
