//! The integration tests: one binary, and this is its table of contents.

// clippy.toml allows these inside `#[test]` functions; their helpers here are tests just as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod acic; // the replay: shards, resumption, bad files, scores against published values
mod action;
mod adversary; // a model that misbehaves in every way we could think of
mod agent; // every transition of the loop
mod agent_rollout; // the generator of the example of an agent, and what its three plans give
mod allocations; // the largest piece of memory that was asked for
mod architecture; // imports point down
mod audit; // a recorded run held against how a run should be made: each check passes, and each can fail
mod bad_input; // input that is wrong in a way the program must survive
mod baseline; // the same plan without tools, with one iteration, with all of it
mod cli; // the built program, as a stranger would use it
mod consent; // what a plan says beforehand: other answers, thresholds of its own
mod critique; // rubric and verdict
mod dashboard; // a page of many runs: every state, bad input, a browser, the server
mod dataset; // files that are wrong in every way we could think of
mod design_profile; // whom the answer is about
mod documents;
mod early_adopters; // the generator of the synthetic example
mod estimator_table; // the table of estimators in docs/estimators.md
mod examples; // every example plan, end to end
mod experiment; // randomised experiments: reference values, looks, refusals, examples
mod field_cases; // files as people have them: the plan of `init` gives the right value
mod follow_ups; // sweeps on a finished run, and in the plan
mod graph; // questions to a causal graph
mod hostile_text; // names, titles and words of servers that try to steer a terminal
mod ledger; // a plan that is changed after its answer was seen
mod llm; // both wire protocols, retries, recordings, keys that never leak
mod made_examples; // the generators of three examples, and what their plans give
mod mcp; // the server, over its pipes
mod models; // language models through the built program
mod oversight; // gates: a run waits for a person, and goes on with what was approved
mod plan; // plans that are wrong in every way we could think of
mod plan_draft; // a draft of a plan: roles accepted one by one, by rules and with a model
mod plan_graph; // plans with a graph
mod plan_keys; // the reference of a plan's keys is made from their table
mod playbook; // front matter, catalogue
mod pockets; // subgroups without an arm in simulated families
mod portable; // elementary functions do not depend on the processor
mod prompts; // what is said to models, as it is rendered
mod publish; // runs sent to a folder or a bucket, and brought back
mod quiet_failures; // however quiet, a failure says why
mod randomised; // coins of any share, honest and loaded
mod report; // plots, notebook, markdown
mod run_diff; // what changed between runs, iterations, branches and commits
mod same_answer; // what must not matter to an answer: order, names, types, constants, identifiers
mod second_moments; // squares and products in every balance table; a declared hidden confounder
mod security_page; // every promise of SECURITY.md has its test
mod separation; // levels without events or in one arm: the answer of other packages, or a refusal that leads on
mod shell; // schema, completions, manual pages, values set on the command line
mod sources; // data in stores: the same answer as from a file, losses, changes, refusals, consent
mod store; // the git store: kill it anywhere
mod structure; // faults of covariates that need no model: refused by check, init and run
mod tables; // units, estimates and balance for other tools agree with each other and with the data
mod tools; // what a model may call: every tool, the allow-list, blindness, privacy
mod verify; // a run made again and held against its commits
mod watch;
mod weights; // weights that run away
mod whole_runs; // what must hold of whole runs, whatever the data
mod worst_case; // bounds of an outcome of known range
