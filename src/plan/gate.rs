//! The points at which a run waits for a person (`gates:`).

use causal::keyed_enum;

keyed_enum! {
    /// A point at which a run stops until a person has decided.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Gate {
        /// The plan, before anything that was computed from data is on record.
        Plan = "plan",
        /// A spec, before its design is computed: each one that the loop makes.
        Spec = "spec",
        /// The outcome, before any effect is computed.
        Unblind = "unblind",
        /// The finished run, before it is published.
        Publish = "publish",
    }
}

impl Gate {
    /// All gates, in the order of a run.
    pub const ALL: [Gate; 4] = [Gate::Plan, Gate::Spec, Gate::Unblind, Gate::Publish];
}
