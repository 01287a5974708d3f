//! Causal graphs: is the effect identified from what was observed, and by which columns?
//!
//! A graph in, an answer out: no data, and no number. [`read::read`] takes DOT or dagitty's language,
//! [`question::Question`] names treatment and outcome, [`answer::identify`] answers with all of the below.
//!
//! | file | question |
//! |---|---|
//! | [`separation`] | are two sets of nodes independent given a third? by which path not? |
//! | [`separators`] | which minimal sets separate two nodes? |
//! | [`adjustment`] | which sets of columns make the arms comparable? which are forbidden? |
//! | [`optimal`] | which of them gives the smallest variance? |
//! | [`front_door`] | is there a front-door set? |
//! | [`identify`] | is the effect identified at all (ID algorithm)? |
//! | [`instruments`] | which columns are instruments, given which? |
//! | [`implications`] | which independencies could data refute? |
//!
//! Nothing here grows without a limit: where subsets are enumerated, the file states how many, and the answer says whether
//! its list is complete. No function calls itself.
//!
//! ```
//! use causal::graph::{answer::{Method, identify}, question::Question, read::read};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let graph = read("dag { age -> drug; age -> death; drug -> death }")?;
//! let question = Question::new(&graph, &["drug"], "death")?;
//! let answer = identify(&graph, &question);
//! assert_eq!(answer.method, Method::BackDoor);
//! assert_eq!(answer.adjustment.minimal.sets, [["age"]]);
//! # Ok(())
//! # }
//! ```

pub mod adjustment;
pub mod answer;
pub mod builder;
pub mod causal_graph;
pub mod dag;
pub mod drawn_path;
pub mod explain;
pub mod front_door;
pub mod identify;
pub mod implications;
pub mod instruments;
pub mod nodes;
pub mod optimal;
pub mod problem;
pub mod question;
pub mod read;
pub mod separation;
pub mod separators;
pub mod valid_sets;

#[cfg(test)]
mod tests;
