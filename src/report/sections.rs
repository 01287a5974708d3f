//! The folded sections of the two reports, each in its order.

/// A folded section.
pub(super) struct Section {
    /// Its anchor; each id stands once, over both reports.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
}

/// The sections of an observational report.
pub(super) const SECTIONS: [Section; 11] = [
    Section { id: "who", title: "Who the answers are for" },
    Section { id: "checks", title: "Checks" },
    Section { id: "sensitivity", title: "Sensitivity to a hidden confounder" },
    Section { id: "model", title: "What the language model said" },
    Section { id: "trial", title: "Against the target trial" },
    Section { id: "doubts", title: "Threats, blind spots and other ways to learn the answer" },
    Section { id: "specs", title: "Every spec that was tried" },
    Section { id: "estimates", title: "Every estimate" },
    Section { id: "rows", title: "What was done to the rows" },
    Section { id: "alignment", title: "Plan, spec and executed analysis" },
    Section { id: "provenance", title: "Provenance, and how to reproduce" },
];

/// The sections of an experiment's report; the last is that of [`SECTIONS`].
const EXPERIMENT: [Section; 11] = [
    Section { id: "health", title: "Checks of the randomisation" },
    Section { id: "effects", title: "Every effect" },
    Section { id: "segments", title: "Effects by segment" },
    Section { id: "treatment", title: "Take-up, and the effects of the treatment" },
    Section { id: "logged_actions", title: "Policies and steps of the agent" },
    Section { id: "logged_audit", title: "Checks of the log of decisions" },
    Section { id: "days", title: "By day" },
    Section { id: "looks", title: "Looks on record" },
    Section { id: "refused", title: "Asked for and not given" },
    Section { id: "values", title: "What was done to the values of each metric" },
    Section { id: "experiment_provenance", title: "Provenance, and how to reproduce" },
];

/// The section of an id.
pub(super) fn section(id: &str) -> Option<&'static Section> {
    SECTIONS.iter().chain(&EXPERIMENT).find(|section| section.id == id)
}

/// The sections of an experiment's report without some.
pub(super) fn of_experiment(left_out: &[String]) -> Vec<&'static Section> {
    EXPERIMENT.iter().filter(|section| left_out.iter().all(|id| id != section.id)).collect()
}
