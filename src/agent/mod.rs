//! The actor-critic loop: which spec is tried next, when the loop has settled, and when effects may be computed.
//!
//! The agent decides, the driver does. [`run::Run`] is a machine without I/O: it says what is to be done
//! ([`run::Action`]), a driver does it (reads data, fits, commits), and tells the machine what came of it
//! ([`run::Event`]). The machine can be serialised at any moment, and the same events lead to the same state, so a run that
//! was killed is resumed by replaying what was committed.
//!
//! | file | what it decides |
//! |---|---|
//! | [`run`] | which action comes next; refuses events that break a rule of the loop |
//! | [`history`] | which design of each analysis is kept |
//! | [`design_quality`] | whether one design is worse than another |
//! | [`actor`] | the playbook provider: which revision is tried |
//! | [`driver`] | nothing: it does what the machine says, and tells the host in [`events`] |
//! | [`experiment`] | nothing: the steps of a randomised experiment, in their one order |
//!
//! No type in here has a place for an effect, so a revision cannot have been chosen for its answer.
//!
//! ```
//! use oci_agent::agent::actor;
//! use oci_agent::agent::run::{Action, Event, Limits, Run};
//! use oci_agent::playbook::Catalogue;
//! # use oci_agent::agent::history::{AnalysisSummary, DesignSummary};
//! # use oci_agent::critique::{rubric, verdict};
//! # use oci_agent::record::critique::{AnalysisCritique, Critique, Stage};
//! # use causal::estimand::Target;
//! # use oci_agent::{finding::{Code, Finding, Severity, Tier}, plan::{StopWhen, Tool}, spec::AnalysisSpec};
//! # fn draft() -> AnalysisSpec {
//! #     serde_json::from_value(serde_json::json!({
//! #         "spec_version": 2, "iteration": 1, "title": "t", "plan_sha256": "p", "data_sha256": "d", "treatment": "t",
//! #         "treated": "1", "control": "0", "outcome": "y", "units": "kg", "outcome_kind": "continuous",
//! #         "weights": null, "clusters": null, "known_propensity": null, "inference": "population", "missing": "error", "confounders": [], "placebos": [], "tools": ["trim"], "revisions": [],
//! #         "folds": 5, "seed": 1, "blind": true, "accept": {"ate": ["trimmed_ate"]},
//! #         "analyses": [{"requested": "ate", "target": "ate", "population": {"kind": "all"}, "terms": ["age"],
//! #                       "estimators": ["naive"], "primary": "naive", "because": "", "models": {"propensity": "linear",
//! #                       "outcome": "linear", "repeats": 1, "budget": "fast"}}]
//! #     })).unwrap()
//! # }
//! # // Four in five lie outside (0.1, 0.9) until the population is trimmed.
//! # fn share(spec: &AnalysisSpec) -> f64 {
//! #     if spec.analyses[0].estimand().name() == "ATE" { 0.8 } else { 0.02 }
//! # }
//! # fn design(spec: &AnalysisSpec) -> DesignSummary {
//! #     let summary = AnalysisSummary { requested: Target::Ate, failed: None, rows: Some(100),
//! #         max_priority_smd: Some(0.01), share_outside: Some(share(spec)) };
//! #     DesignSummary { iteration: spec.iteration, spec_sha256: spec.iteration.to_string(), analyses: vec![summary] }
//! # }
//! # fn criticise(spec: &AnalysisSpec) -> Critique {
//! #     let rule = rubric::rule(Code::OverlapOutside);
//! #     let findings = vec![rule.finding(rule.severity(share(spec)), "overlap")];
//! #     let graded = AnalysisCritique { requested: Target::Ate, estimand: spec.analyses[0].estimand().name(),
//! #         tier: verdict::tier(&findings), rubric_tier: None, findings, departs_from_ate: String::new() };
//! #     Critique { iteration: spec.iteration, stage: Stage::Design, spec_sha256: spec.iteration.to_string(),
//! #         analyses: vec![graded], alignment: vec![], trial_contrast: vec![], blind_spots: vec![],
//! #         alternatives: vec![], remediations: vec![], reviewed: None }
//! # }
//!
//! let catalogue = Catalogue::embedded()?;
//! let limits = Limits { max_iterations: 5, stop_when: StopWhen::NoPlaybookApplies, tools: vec![Tool::Trim] };
//! let mut run = Run::new(limits, &catalogue)?;
//! let mut spec = draft();
//! let accepted = loop {
//!     let event = match run.next() {
//!         Action::Draft => Event::Drafted(Box::new(spec.clone())),
//!         Action::Design { spec: next, .. } => {
//!             spec = *next; // commit it, run it, commit design.json
//!             Event::Designed(design(&spec))
//!         }
//!         Action::Critique { .. } => Event::Criticised(Box::new(criticise(&spec))),
//!         Action::Revise { .. } => {
//!             let next = actor::revise(run.history(), &catalogue, &|analysis| analysis.terms.clone());
//!             Event::Revised(next.map(Box::new))
//!         }
//!         Action::Unblind { answers } => {
//!             assert_eq!(answers[0].iteration, 2); // effects of that iteration are computed here, and stay here
//!             Event::Unblinded
//!         }
//!         Action::Report => Event::Reported(vec![(Target::Ate, Tier::FullySatisfactory)]),
//!         Action::Done { accepted } => break accepted,
//!         _ => unreachable!("no conversation was begun"),
//!     };
//!     run.advance(event)?;
//! };
//! assert!(accepted);
//! assert_eq!(spec.analyses[0].estimand().name(), "trimmed ATE");
//! assert_eq!(spec.revisions[0].playbook, "trim-crump");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod actor;
mod bounds;
pub mod budget;
pub mod conversation;
pub mod design_quality;
pub mod driver;
mod driver_conversations;
pub mod events;
pub mod experiment;
pub mod follow_ups;
pub mod gates;
pub mod history;
pub mod participants;
pub mod planning;
pub mod prices;
pub mod prompt;
mod protocol;
mod rules;
pub mod run;
pub mod tool_calls;
