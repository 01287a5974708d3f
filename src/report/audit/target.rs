//! The TARGET items in our own words.

use crate::record::audit::TargetPart;

/// What an item asks for.
pub(super) fn words(part: TargetPart) -> &'static str {
    match part {
        TargetPart::StudyType => "summary: that observational data stand in for a trial, which trial, and why",
        TargetPart::DataNamed => "summary: the data sources",
        TargetPart::Summary => "summary: assumptions, methods, findings, conclusion",
        TargetPart::Background => "what is known, and the gap",
        TargetPart::Question => "the causal question",
        TargetPart::Rationale => "why a trial is emulated, with these data; trials it is modelled on",
        TargetPart::DataDescribed => "the data: made for what, where, when, how linked",
        TargetPart::TrialEligibility => "the trial: who is eligible",
        TargetPart::TrialStrategies => "the trial: the treatment strategies",
        TargetPart::TrialAssignment => "the trial: assignment at random, and who knows of it",
        TargetPart::TrialFollowUp => "the trial: start and end of follow-up",
        TargetPart::TrialOutcome => "the trial: the outcome, how and when measured",
        TargetPart::TrialContrast => "the trial: the causal contrast and its measure",
        TargetPart::TrialAssumptions => "the trial: what identifies the effect",
        TargetPart::TrialAnalysis => "the trial: its analysis, missing values included",
        TargetPart::DataEligibility => "in the data: who is eligible",
        TargetPart::DataStrategies => "in the data: the treatment strategies",
        TargetPart::DataAssignment => "in the data: assignment",
        TargetPart::DataFollowUp => "in the data: start and end of follow-up",
        TargetPart::DataOutcome => "in the data: the outcome",
        TargetPart::DataContrast => "in the data: the contrast and its measure",
        TargetPart::DataAssumptions => "in the data: assumptions, confounding at baseline among them",
        TargetPart::DataVariables => "in the data: the variables of those assumptions",
        TargetPart::DataAnalysis => "in the data: the analysis, missing values included",
        TargetPart::DataSensitivity => "analyses of how the result hangs on choices and assumptions",
        TargetPart::Participants => "people considered, eligible, and in each arm",
        TargetPart::Baseline => "characteristics at baseline by arm",
        TargetPart::FollowUp => "length of follow-up and why it ended, by arm",
        TargetPart::MissingData => "missing values of every variable by arm",
        TargetPart::Outcomes => "the outcome by arm",
        TargetPart::Effects => "effects with their precision",
        TargetPart::FurtherResults => "results of the further analyses",
        TargetPart::Interpretation => "what the findings say to the question",
        TargetPart::Limitations => "limitations: how the emulation differs, how credible the assumptions are",
        TargetPart::Ethics => "ethics approval",
        TargetPart::Registration => "registration of the protocol",
        TargetPart::Access => "where data, code and material can be had",
        TargetPart::Funding => "funding",
        TargetPart::Interests => "conflicts of interest",
    }
}
