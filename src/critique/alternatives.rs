//! At least one other way to learn the answer, with what it would buy. Chosen by words in the plan: a reader who knows the
//! setting will do better, and is meant to.

use crate::plan::Plan;

/// One measurement strategy.
struct Strategy {
    name: &'static str,
    /// Words that suggest it. A trailing `*` matches any ending.
    words: &'static [&'static str],
    /// The design and what it would buy; `{t}` is the treatment, `{y}` the outcome.
    text: &'static str,
}

const ENCOURAGEMENT: Strategy = Strategy {
    name: "Encouragement design",
    words: &[
        "feature*",
        "product*",
        "app",
        "email*",
        "prompt*",
        "adopt*",
        "uptake",
        "quit*",
        "smok*",
        "cessation",
        "program*",
        "training",
        "course*",
        "coaching",
        "campaign*",
        "user*",
        "customer*",
        "subscri*",
        "voluntary",
        "opt",
        "enrol*",
    ],
    text: "offer or recommend `{t}` to units drawn at random, leave the choice to them, and use the offer as an instrument. It needs no assumption about what drives the choice, only that the offer works through `{t}` alone and puts nobody off, and buys the effect on `{y}` among those whom an offer can move, who are often the people a decision is about.",
};

/// In the order in which they are suggested.
const STRATEGIES: [Strategy; 5] = [
    Strategy {
        name: "Regression discontinuity",
        words: &["threshold*", "cutoff*", "cut-off*", "score*", "points", "ranking", "limit*", "means-tested"],
        text: "if `{t}` is given from some value of a score upwards, compare units just below and just above it. Near the threshold it is as good as randomised, whatever is unmeasured; it buys the effect on `{y}` for units at the threshold, without a model of who is treated.",
    },
    Strategy {
        name: "Instrumental variable",
        words: &[
            "lotter*",
            "draft",
            "distance*",
            "judge*",
            "caseworker*",
            "waitlist*",
            "oversubscri*",
            "instrument*",
            "quota*",
        ],
        text: "look for something that shifts `{t}` by accident and touches `{y}` in no other way: a lottery, a distance, whose turn it was. It buys protection against hidden confounding at the price of a wider interval and of an answer for those who are shifted.",
    },
    Strategy {
        name: "Switchback experiment",
        words: &[
            "marketplace*",
            "price*",
            "pricing",
            "algorithm*",
            "dispatch*",
            "driver*",
            "hour*",
            "congestion",
            "delivery",
            "rider*",
        ],
        text: "turn `{t}` on and off for the whole system in randomly ordered periods, with gaps for carry-over. Where units share a market, one unit's treatment changes another's `{y}`; this buys an effect that includes such spill-overs.",
    },
    Strategy {
        name: "Staggered roll-out",
        words: &[
            "region*",
            "store*",
            "market*",
            "city",
            "cities",
            "school*",
            "site*",
            "clinic*",
            "hospital*",
            "rollout*",
            "roll-out*",
            "launch*",
            "policy",
            "law",
            "county",
            "counties",
            "office*",
            "plant*",
        ],
        text: "introduce `{t}` group by group in random order, and compare each group with those still waiting. Everybody gets it in the end, which makes it easy to agree to; it buys an effect on `{y}` that fixed differences between groups cannot explain.",
    },
    ENCOURAGEMENT,
];

/// Suggested when the plan declares nothing that treatment cannot change.
const NEGATIVE_CONTROLS: Strategy = Strategy {
    name: "Negative-control design",
    words: &[],
    text: "measure an outcome that `{t}` cannot change but that shares the causes of `{y}`, and is not needed for adjustment. An association with it reveals hidden confounding; together with an exposure that cannot change `{y}` the bias can be estimated and taken off.",
};

/// At most this many of those that words in the plan suggest, so that the list stays readable.
const AT_MOST: usize = 2;

/// At least one strategy, in a fixed order: those that the plan's words suggest (an encouragement design if none do), then
/// a negative-control design if no placebo is declared.
#[must_use]
pub fn suggest(plan: &Plan) -> Vec<String> {
    let words = words(plan);
    let mut chosen: Vec<&Strategy> =
        STRATEGIES.iter().filter(|strategy| suggested(strategy, &words)).take(AT_MOST).collect();
    if chosen.is_empty() {
        chosen.push(&ENCOURAGEMENT);
    }
    if plan.placebo_outcomes.is_empty() && plan.negative_controls.is_empty() {
        chosen.push(&NEGATIVE_CONTROLS);
    }
    chosen.into_iter().map(|strategy| sentence(strategy, plan)).collect()
}

fn sentence(strategy: &Strategy, plan: &Plan) -> String {
    let text = strategy.text.replace("{t}", &plan.treatment.column).replace("{y}", &plan.outcome.column);
    format!("{}: {text}", strategy.name)
}

/// The words of the plan that describe the setting. The analysis plan is left out: its scores and thresholds are those of
/// the analysis, not of the world.
fn words(plan: &Plan) -> Vec<String> {
    let trial = &plan.target_trial;
    let prose = [
        &plan.title,
        &plan.question,
        &trial.eligibility,
        &trial.treatment_strategies,
        &trial.assignment,
        &trial.time_zero,
        &trial.follow_up,
        &plan.treatment.column,
    ];
    let all = prose.into_iter().chain(&plan.threats).map(|text| text.to_lowercase()).collect::<Vec<_>>().join(" ");
    all.split(|c: char| !(c.is_alphanumeric() || c == '-')).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn suggested(strategy: &Strategy, words: &[String]) -> bool {
    let hit = |pattern: &str, word: &str| match pattern.strip_suffix('*') {
        Some(stem) => word.starts_with(stem),
        None => word == pattern,
    };
    strategy.words.iter().any(|pattern| words.iter().any(|word| hit(pattern, word)))
}
