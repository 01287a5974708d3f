//! What the names of columns, and of the values of two-valued ones, say about them. They are guesses, and whoever uses them
//! says so.

/// Words of a value that mean that nothing was done or nothing happened.
const NO: [&str; 27] = [
    "no",
    "n",
    "false",
    "f",
    "none",
    "never",
    "control",
    "controls",
    "placebo",
    "untreated",
    "unexposed",
    "usual",
    "standard",
    "comparison",
    "off",
    "negative",
    "neg",
    "alive",
    "survived",
    "healthy",
    "absent",
    "without",
    "non",
    "not",
    "censored",
    "living",
    "well",
];

/// Words of a value that mean that something was done or happened.
const YES: [&str; 23] = [
    "yes",
    "y",
    "true",
    "treated",
    "treatment",
    "exposed",
    "active",
    "intervention",
    "drug",
    "on",
    "positive",
    "pos",
    "dead",
    "died",
    "death",
    "deceased",
    "event",
    "case",
    "present",
    "sick",
    "ill",
    "with",
    "ever",
];

/// Names, or their last words, of columns that number units.
const IDS: [&str; 12] =
    ["id", "ids", "uid", "uuid", "guid", "pid", "number", "nr", "rownames", "rownumber", "index", "idx"];

/// Names, or their last words, of columns that name units which may have several rows.
const UNITS: [&str; 10] =
    ["id", "uid", "uuid", "pid", "hhid", "patient", "subject", "participant", "person", "respondent"];

/// Words of names of what was measured before treatment.
const BEFORE: [&str; 12] =
    ["pre", "before", "baseline", "lag", "lagged", "prior", "previous", "prev", "pretest", "lag1", "l1", "t0"];

/// Words of names of what was measured after treatment.
const AFTER: [&str; 7] = ["post", "after", "followup", "endline", "posttest", "afterwards", "fu"];

/// Names of what a person has from birth, or what changes with the calendar only.
const FIXED: [&str; 18] = [
    "sex",
    "gender",
    "female",
    "male",
    "race",
    "ethnicity",
    "ethnic",
    "black",
    "white",
    "hispanic",
    "hisp",
    "birth",
    "birthyear",
    "birthdate",
    "birthplace",
    "yob",
    "dob",
    "age",
];

/// Words that may stand beside those without making another thing of them.
const OF_FIXED: [&str; 11] =
    ["year", "years", "group", "band", "at", "baseline", "is", "of", "code", "cat", "category"];

/// Words of names of units that stayed in, or dropped out of, a study.
const STAYED: [&str; 9] =
    ["dropout", "attrition", "attrited", "censored", "responded", "nonresponse", "completed", "completer", "withdrew"];

/// Words of names of what may have moved the treatment and nothing else.
const ENCOURAGEMENTS: [&str; 14] = [
    "instrument",
    "iv",
    "lottery",
    "randomised",
    "randomized",
    "random",
    "offer",
    "offered",
    "encouraged",
    "encouragement",
    "assigned",
    "assignment",
    "eligibility",
    "invited",
];

/// Words of names of weights of observations.
const WEIGHTS: [&str; 7] = ["weight", "weights", "pweight", "sampweight", "wgt", "sampwt", "svyweight"];

/// Words of names of chances of treatment.
const PROPENSITIES: [&str; 4] = ["propensity", "pscore", "propscore", "ps"];

/// Words of names of times.
const TIMES: [&str; 11] =
    ["year", "month", "week", "quarter", "day", "date", "time", "timestamp", "period", "wave", "datetime"];

/// Words of names of columns that are there to be a check.
const CHECKS: [&str; 3] = ["placebo", "nco", "negcontrol"];

/// Words of names of what an experiment is to move.
const RESULTS: [&str; 22] = [
    "sales",
    "revenue",
    "amount",
    "spend",
    "spent",
    "earned",
    "earnings",
    "profit",
    "orders",
    "purchases",
    "purchased",
    "bought",
    "converted",
    "conversion",
    "conversions",
    "clicks",
    "clicked",
    "visits",
    "retained",
    "churned",
    "outcome",
    "y",
];

/// Words of names of numbers whose sum over rows means little.
const LEVELS: [&str; 14] = [
    "ms",
    "latency",
    "duration",
    "time",
    "score",
    "rating",
    "rate",
    "share",
    "price",
    "speed",
    "temperature",
    "age",
    "ratio",
    "percent",
];

/// Words of names of times at which a unit was assigned.
const ASSIGNED: [&str; 12] = [
    "assigned",
    "assignment",
    "randomised",
    "randomized",
    "allocated",
    "enrolled",
    "enrolment",
    "enrollment",
    "joined",
    "entered",
    "started",
    "start",
];

/// Words of names of times at which a unit first met its arm.
const EXPOSED: [&str; 4] = ["exposed", "exposure", "seen", "triggered"];

/// The words of a name in lower case: `customerNumber`, `customer_number` and `customer.number` have two.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in name.chars() {
        let starts = c.is_uppercase() && before.is_lowercase();
        if !c.is_alphanumeric() {
            before = ' ';
            continue;
        }
        if starts || !before.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words
}

fn has_one_of(name: &str, known: &[&str]) -> bool {
    words(name).iter().any(|word| known.contains(&word.as_str()))
}

/// True if, by its name, a column was measured before treatment.
pub(super) fn is_before(name: &str) -> bool {
    has_one_of(name, &BEFORE)
}

/// True if, by its name, a column is what a person has from birth, or an age: treatment cannot have changed it.
pub(super) fn is_fixed(name: &str) -> bool {
    let words = words(name);
    let known = |word: &String| {
        let word = word.as_str();
        FIXED.contains(&word) || OF_FIXED.contains(&word)
    };
    words.iter().any(|word| FIXED.contains(&word.as_str())) && words.iter().all(known)
}

/// True if, by its name, a column says who stayed in a study.
pub(super) fn says_who_stayed(name: &str) -> bool {
    has_one_of(name, &STAYED)
}

/// True if, by its name, a column may have moved the treatment and nothing else.
pub(super) fn is_encouragement(name: &str) -> bool {
    has_one_of(name, &ENCOURAGEMENTS)
}

/// True if, by its name, a column may hold weights of observations.
pub(super) fn is_weight(name: &str) -> bool {
    last_is_one_of(name, &WEIGHTS)
}

/// True if, by its name, a column may hold chances of treatment.
pub(super) fn is_propensity(name: &str) -> bool {
    has_one_of(name, &PROPENSITIES)
}

/// True if, by its name, a column is a time.
pub(super) fn is_time(name: &str) -> bool {
    last_is_one_of(name, &TIMES)
}

/// True if, by its name, a column is there as a check.
pub(super) fn is_check(name: &str) -> bool {
    let two = words(name).windows(2).any(|pair| matches!(pair, [a, b] if a == "negative" && b == "control"));
    two || has_one_of(name, &CHECKS)
}

/// True if, by its name, a column is what an experiment is to move.
pub(super) fn is_result(name: &str) -> bool {
    has_one_of(name, &RESULTS)
}

/// True if, by its name, the mean of a column says more than its sum.
pub(super) fn is_level(name: &str) -> bool {
    has_one_of(name, &LEVELS)
}

/// True if, by its name, a column says when a unit was assigned.
pub(super) fn is_assignment_time(name: &str) -> bool {
    has_one_of(name, &ASSIGNED)
}

/// True if, by its name, a column says when a unit first met its arm.
pub(super) fn is_exposure(name: &str) -> bool {
    has_one_of(name, &EXPOSED)
}

fn last_is_one_of(name: &str, known: &[&str]) -> bool {
    words(name).last().is_some_and(|last| known.contains(&last.as_str()))
}

/// True for a name under which units are numbered.
pub(super) fn is_id(name: &str) -> bool {
    last_is_one_of(name, &IDS)
}

/// True for a name under which pandas, R or polars write row numbers.
pub(super) fn is_row_number(name: &str) -> bool {
    let known = ["rownames", "rownumber", "row nr", "row number", "index", "unnamed 0"];
    known.contains(&words(name).join(" ").as_str()) || name.starts_with("__index_level_")
}

/// True for a name of units that may have several rows.
pub(super) fn is_unit(name: &str) -> bool {
    last_is_one_of(name, &UNITS)
}

/// True if, by its name, a column was measured after treatment: a word says so, or it is a later wave of the outcome.
pub(super) fn is_after(name: &str, outcome: &str) -> bool {
    let follow_up = words(name).windows(2).any(|pair| matches!(pair, [a, b] if a == "follow" && b == "up"));
    let says_so = follow_up || words(name).iter().any(|word| AFTER.contains(&word.as_str()));
    says_so || waves(name, outcome).is_some_and(|(here, theirs)| here > theirs)
}

/// True if, by its name, a column is the outcome at an earlier time.
pub(super) fn is_earlier_outcome(name: &str, outcome: &str) -> bool {
    if waves(name, outcome).is_some_and(|(here, theirs)| here < theirs) {
        return true;
    }
    let (own, theirs) = (words(name), words(outcome));
    let before = |word: &String| BEFORE.contains(&word.as_str());
    let rest: Vec<&String> = own.iter().filter(|word| !before(word) && *word != "0").collect();
    rest.len() < own.len() && !rest.is_empty() && rest.iter().all(|word| theirs.contains(word))
}

/// True if, by its name, a column was measured together with the outcome: `unem78` beside `re78`, where the file has the
/// outcome of an earlier wave, such as `re74`, so that the number is that of a wave.
pub(super) fn is_same_wave<'a>(name: &str, outcome: &str, all: impl IntoIterator<Item = &'a str>) -> bool {
    let same = wave(name).zip(wave(outcome)).is_some_and(|(own, theirs)| own.1 == theirs.1 && own.0 != theirs.0);
    same && all.into_iter().any(|other| waves(other, outcome).is_some_and(|(here, theirs)| here < theirs))
}

/// A name without the number at its end, and the number.
fn wave(text: &str) -> Option<(String, u64)> {
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = text.get(stem.len()..).filter(|digits| (1..=4).contains(&digits.len()))?;
    (stem.chars().filter(|c| c.is_alphabetic()).count() > 0)
        .then(|| Some((stem.to_lowercase(), digits.parse().ok()?)))?
}

/// The numbers at the end of two names that are otherwise the same: `re74` and `re78`.
fn waves(name: &str, outcome: &str) -> Option<(u64, u64)> {
    let ((stem, here), (other, theirs)) = (wave(name)?, wave(outcome)?);
    (stem == other).then_some((here, theirs))
}

/// What a value says about itself.
pub(super) fn says(value: &str) -> Option<bool> {
    let words = words(value);
    // `0_control`, as labels come out of Stata and SPSS.
    let first = words.iter().find(|word| !word.bytes().all(|b| b.is_ascii_digit()))?;
    let is = |known: &[&str]| known.contains(&first.as_str());
    match (is(&NO), is(&YES)) {
        (true, false) => Some(false),
        (false, true) => Some(true),
        _ => None,
    }
}

/// The first of two values that means yes, with whether that is certain. `column` is their column's name, which one of them
/// may repeat.
pub(super) fn which_is_yes<'a>(first: &'a str, second: &'a str, column: &str) -> (&'a str, bool) {
    let named = |value: &str| {
        let value = words(value);
        !value.is_empty() && words(column).iter().any(|word| value.contains(word))
    };
    if (first, second) == ("0", "1") {
        return (second, true);
    }
    match (says(first), says(second)) {
        (Some(true), Some(false)) => return (first, true),
        (Some(false), Some(true)) => return (second, true),
        _ => {}
    }
    match (named(first), named(second)) {
        (true, false) => (first, says(second) == Some(false)),
        (false, true) => (second, says(first) == Some(false)),
        _ => match (says(first), says(second)) {
            (Some(true), None) | (None, Some(false)) => (first, false),
            _ => (second, false),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ids_and_units() {
        for name in ["id", "patient_id", "customerNumber", "ID", "Customer Number", "rownames", "nr"] {
            assert!(is_id(name), "{name}");
        }
        for name in ["age", "paid", "number_of_children", "idle"] {
            assert!(!is_id(name), "{name}");
        }
        assert!(is_row_number("Unnamed: 0") && is_row_number("__index_level_0__") && is_row_number("rownames"));
        assert!(is_unit("patientId") && is_unit("subject") && !is_unit("clinic"));
    }

    #[test]
    fn names_of_times() {
        assert!(is_after("score_post", "score") && is_after("follow_up_bmi", "y") && is_after("re80", "re78"));
        let file = ["re74", "re78", "unem74", "unem78", "x78", "age"];
        assert!(is_same_wave("unem78", "re78", file) && !is_same_wave("unem74", "re78", file));
        assert!(!is_same_wave("re78", "re78", file) && !is_same_wave("x1", "y1", ["x1", "x2", "y1"]));
        assert!(!is_after("postcode", "y") && !is_after("re74", "re78") && !is_after("x2", "y1"));
        assert!(is_earlier_outcome("re74", "re78") && is_earlier_outcome("score_pre", "score_post"));
        assert!(
            is_earlier_outcome("baseline_bmi", "bmi")
                && is_earlier_outcome("y_0", "y")
                && is_earlier_outcome("lag_y", "y")
        );
        assert!(!is_earlier_outcome("baseline", "bmi") && !is_earlier_outcome("income", "bmi"));
    }

    #[test]
    fn names_of_what_treatment_cannot_change() {
        for name in ["sex", "Age", "age_group", "birth_year", "is_female", "RACE", "black", "AgeAtBaseline"] {
            assert!(is_fixed(name), "{name}");
        }
        for name in ["age_at_death", "stage", "year", "race_time", "blackout", "wage", "mean_age_of_children"] {
            assert!(!is_fixed(name), "{name}");
        }
        assert!(says_who_stayed("dropout_6m") && is_encouragement("lottery_win") && is_weight("sample_weight"));
        assert!(is_time("interview_date") && !is_time("time_to_event") && is_check("negative_control_1"));
        assert!(is_propensity("pscore") && !is_weight("weight_kg"));
    }

    #[test]
    fn which_of_two_values_is_yes() {
        for (first, second, column, yes, certain) in [
            ("0", "1", "t", "1", true),
            ("1", "2", "gcsf", "2", false),
            ("airbag", "none", "airbag", "airbag", true),
            ("alive", "dead", "dead", "dead", true),
            ("No", "Yes", "treat", "Yes", true),
            ("drug", "placebo", "arm", "drug", true),
            ("0_control", "1_treated", "arm", "1_treated", true),
            ("a", "b", "arm", "b", false),
            ("smoker", "other", "smoker", "smoker", false),
            ("non-union", "union", "union", "union", false),
        ] {
            assert_eq!(which_is_yes(first, second, column), (yes, certain), "{first} {second}");
        }
    }
}
