//! The attack on sequences of answers: two populations that differ by one unit, and whatever the difference of two answers
//! says of that unit. The same attacker goes against answers that are not held against each other (a smallest cell of 1, which
//! no plan may ask for), where it reconstructs a row, and against those that are, where it learns of nobody.

use super::fixtures::{World, inside};
use causal::estimand::{Population, Target, TrimRule};
use oci_agent::pipeline::design;
use oci_agent::spec::{Analysis, AnalysisSpec};
use oci_agent::tools::privacy::Privacy;
use oci_agent::tools::{Answer, Context, Registry, Role, Task};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const BITS: [&str; 4] = ["black", "marr", "hisp", "nodegree"];

/// LaLonde's data. The attack is on the ATE, which is trimmed at both ends: trimming the ATT leaves out hardly anybody.
fn world() -> World {
    World::example("lalonde", false)
}

/// A session with the tools.
struct Session<'a> {
    world: &'a World,
    privacy: Privacy,
    calls: std::cell::Cell<usize>,
}

/// What is told of one population: treated, controls, and SMDs before weighting by term.
#[derive(Debug, Clone)]
struct Told {
    alpha: f64,
    treated: usize,
    controls: usize,
    smd: BTreeMap<String, f64>,
}

impl<'a> Session<'a> {
    fn new(world: &'a World, min_cell: usize) -> Self {
        Session { world, privacy: Privacy::new(&world.prepared, min_cell, false), calls: std::cell::Cell::new(0) }
    }

    fn ask(&self, tool: &str, arguments: &Value) -> Option<Value> {
        self.calls.set(self.calls.get() + 1);
        let context = Context { privacy: &self.privacy, ..self.world.context(Task::Revise) };
        match Registry::new(Role::Actor, &self.world.prepared.plan.tools).call(tool, arguments, &context) {
            Ok(Answer::Reply(reply)) => Some(inside(&reply.model)),
            Ok(_) | Err(_) => None,
        }
    }

    /// Rows and treated rows that trimming would leave.
    fn sizes(&self, alpha: f64) -> Option<(usize, usize)> {
        let told = self.ask("trim", &json!({"estimand": "ate", "alpha": alpha}))?;
        let number = |key: &str| told[key].as_str()?.parse().ok();
        Some((number("rows_kept")?, number("treated_kept")?))
    }

    fn told(&self, alpha: f64) -> Option<Told> {
        let (rows, treated) = self.sizes(alpha)?;
        let told = self.ask("check_balance", &json!({"estimand": "ate", "preview": {"trim": alpha}}))?;
        let line = |line: &Value| Some((line["term"].as_str()?.to_owned(), line["smd_before"].as_f64()?));
        let smd = told["worst_terms"].as_array()?.iter().filter_map(line).collect();
        Some(Told { alpha, treated, controls: rows - treated, smd })
    }

    /// Two populations that differ by one treated unit, found by bisection.
    fn neighbours(&self) -> Option<(Told, Told)> {
        let from = [0.10, 0.06, 0.08, 0.12, 0.15, 0.20];
        from.iter().find_map(|low| self.step_between(*low, low + 0.02))
    }

    /// Closes in on the first threshold above `low` at which a treated unit leaves.
    fn step_between(&self, mut low: f64, mut high: f64) -> Option<(Told, Told)> {
        let (mut below, mut above) = (self.sizes(low)?, self.sizes(high)?);
        for _ in 0..30 {
            if below.0 - above.0 == 1 && below.1 - above.1 == 1 {
                return Some((self.told(low)?, self.told(high)?));
            }
            let middle = (low + high) / 2.0;
            let here = self.sizes(middle)?;
            if here.1 == below.1 { (low, below) = (middle, here) } else { (high, above) = (middle, here) }
        }
        None
    }

    /// Every answer to every threshold that an attacker would try: the grid, and a fine sweep.
    fn answered(&self) -> Vec<f64> {
        let grid = (1..50).map(|i| f64::from(i) / 100.0);
        let fine = (1..160).map(|i| 0.04 + f64::from(i) / 1_000.0);
        let told = |alpha: &f64| {
            let preview = json!({"estimand": "ate", "preview": {"trim": alpha}});
            self.ask("check_balance", &preview).is_some()
        };
        grid.chain(fine).filter(told).collect()
    }
}

/// The SMD of a 0/1 column from its counts. The denominator is the standard deviation of both arms together, with n or n − 1.
fn smd(ones: (usize, usize), sizes: (usize, usize), unbiased: bool) -> f64 {
    let share = |(ones, n): (usize, usize)| ones as f64 / n as f64;
    let variance = |(ones, n): (usize, usize)| {
        let p = share((ones, n));
        p * (1.0 - p) * if unbiased { n as f64 / (n as f64 - 1.0) } else { 1.0 }
    };
    let (treated, controls) = ((ones.0, sizes.0), (ones.1, sizes.1));
    (share(treated) - share(controls)) / ((variance(treated) + variance(controls)) / 2.0).sqrt()
}

/// The values of a 0/1 column that the unit between two populations could have, given both answers.
fn possible_bits(one: &Told, other: &Told, term: &str) -> BTreeSet<usize> {
    let fits = |value: f64, told: f64| {
        let digit = 10_f64.powf(told.abs().log10().floor() - 3.0);
        (value - told).abs() <= 0.51 * digit
    };
    let (Some(a), Some(b)) = (one.smd.get(term), other.smd.get(term)) else { return BTreeSet::from([0, 1]) };
    let mut bits = BTreeSet::new();
    for unbiased in [false, true] {
        for k in 0..=one.treated {
            for j in (0..=one.controls).filter(|j| fits(smd((k, *j), (one.treated, one.controls), unbiased), *a)) {
                let left = |bit: usize| smd((k - bit, j), (other.treated, other.controls), unbiased);
                bits.extend([0, 1].into_iter().filter(|bit| *bit <= k && fits(left(*bit), *b)));
            }
        }
    }
    bits
}

/// The rows that an analysis trimmed there is about. Only the test may know.
fn members(world: &World, alpha: f64) -> Vec<usize> {
    let draft: &AnalysisSpec = &world.prepared.draft;
    let att = draft.analyses.iter().find(|analysis| analysis.requested == Target::Ate).expect("an analysis");
    let population = Population::Trimmed { trim: TrimRule::Fixed { alpha } };
    design::rows(&world.prepared, draft, &Analysis { population, ..att.clone() }).expect("a design")
}

/// A row of the data, by column.
fn row_of_the_file(row: usize) -> BTreeMap<String, String> {
    let file = crate::examples::plan("lalonde").with_file_name("data").join("lalonde.csv");
    let text = std::fs::read_to_string(file).expect("the data");
    let mut lines = text.lines().map(|line| line.split(',').map(|cell| cell.trim_matches('"').to_owned()));
    let header = lines.next().expect("a header");
    header.zip(lines.nth(row).expect("a row")).collect()
}

#[test]
fn the_attack_reconstructs_a_row_where_answers_are_not_held_against_each_other_and_finds_nobody_where_they_are() {
    let world = world();
    let open = Session::new(&world, 1);
    let (one, other) = open.neighbours().expect("two populations that differ by one treated unit");
    let (before, after) = (members(&world, one.alpha), members(&world, other.alpha));
    let gone: Vec<usize> = before.into_iter().filter(|row| !after.contains(row)).collect();
    let [victim] = gone[..] else { panic!("one unit lies between: {gone:?}") };
    let truth = row_of_the_file(victim);
    for column in BITS.iter().filter(|column| one.smd.contains_key(**column)) {
        let found: Vec<String> = possible_bits(&one, &other, column).iter().map(ToString::to_string).collect();
        assert_eq!(found, [truth[*column].clone()], "{column} of row {victim}, after {} calls", open.calls.get());
    }
    let learned = BITS.iter().filter(|column| one.smd.contains_key(**column)).count();
    assert!(learned >= 3, "the attacker learned {learned} values");

    let held = Session::new(&world, 10);
    assert!(held.neighbours().is_none(), "no two populations are told that differ by one unit");
}

/// Least squares with everything an attacker could know: who is in each population that is answered, and every total exactly.
/// The solution of least norm is the mean over those that no answer tells apart, so a unit is known if it is alone, and
/// among a few it is nearly so.
fn smallest_group_told_apart(world: &World, alphas: &[f64]) -> usize {
    let populations: Vec<BTreeSet<usize>> =
        alphas.iter().map(|alpha| members(world, *alpha).into_iter().collect()).collect();
    let mut groups: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
    for (row, treated) in world.prepared.treated().into_iter().enumerate() {
        let inside = populations.iter().map(|population| population.contains(&row));
        *groups.entry(std::iter::once(treated).chain(inside).collect()).or_default() += 1;
    }
    groups.into_values().min().expect("a group")
}

#[test]
fn least_squares_over_all_answers_knows_a_unit_without_protection_and_no_fewer_than_the_smallest_cell_with_it() {
    let world = world();
    let open = Session::new(&world, 1).answered();
    assert!(open.len() > 100, "{} answers", open.len());
    assert_eq!(smallest_group_told_apart(&world, &open), 1, "some unit is alone");
    let held = Session::new(&world, 10).answered();
    assert!((2..50).contains(&held.len()), "{held:?}");
    assert!(smallest_group_told_apart(&world, &held) >= 10, "{held:?}");
}

#[test]
fn thresholds_are_whole_hundredths_and_the_refusal_names_the_next_ones() {
    let world = world();
    for arguments in [json!({"estimand": "ate", "alpha": 0.101_875}), json!({"estimand": "ate", "alpha": 0.102_031})] {
        let said = world.read("trim", &arguments);
        assert!(said.contains("whole hundredths: 0.1 or 0.11"), "{said}");
    }
    let proposal = json!({"changes": [{"estimand": "ate", "trim": 0.101_875, "reason": "overlap is poor"}]});
    assert!(world.read("propose_spec", &proposal).contains("whole hundredths"));
}

/// `black * hisp` is 0 for everybody: that nobody is both is the answer to a question about an empty cell.
#[test]
fn a_product_of_two_valued_columns_that_tells_few_apart_is_refused_and_not_listed() {
    let world = world();
    let preview = |term: &str| json!({"estimand": "ate", "preview": {"add_terms": [term]}});
    for term in ["black * hisp", "hisp * marr", "black * marr", "hisp^2 * nodegree^3", "hisp == 1 * black"] {
        let said = world.read("check_balance", &preview(term));
        assert!(said.contains("fewer than 10 units") || said.contains("0 for every unit"), "{term}: {said}");
        assert!(!said.contains("0 for every unit"), "an empty cell is told like any small one: {said}");
    }
    assert!(world.read("check_balance", &preview("black * nodegree")).contains("smd_after"));
    assert!(world.read("check_balance", &preview("marr * re75 == 0")).contains("smd_after"));
    assert!(world.read("check_balance", &preview("age * educ")).contains("smd_after"));
    let enriched = json!({"estimand": "ate", "preview": {"playbook": "richer-propensity-terms"}});
    let listed = world.read("check_balance", &enriched);
    assert!(listed.contains("smd_after"), "{listed}");
    assert!(!listed.contains("black * hisp") && !listed.contains("hisp * marr"), "{listed}");
}

#[test]
fn statistics_have_a_step_that_the_smallest_cell_must_move() {
    let world = world();
    let table = world.json("check_balance", &json!({"estimand": "ate"}));
    for line in table["worst_terms"].as_array().expect("terms") {
        let smd = line["smd_before"].as_f64().expect("an SMD");
        assert!(((smd / 0.05).round() * 0.05 - smd).abs() < 1e-9, "{line}");
    }
    let privacy = Privacy::new(&world.prepared, 10, false);
    for (n, step) in [(40, 0.05), (185, 0.05), (403, 0.02), (1_000, 0.01), (5_000, 0.002), (100_000, 0.0001)] {
        assert!((privacy.step(n) - step).abs() < 1e-12, "{n}: {}", privacy.step(n));
    }
    // A preview is not on record: its findings carry no sentence with exact figures.
    let previewed = world.json("check_balance", &json!({"estimand": "ate", "preview": {"trim": 0.1}}));
    assert!(previewed["findings"].as_array().is_some_and(|all| all.iter().all(|one| one.get("message").is_none())));
}
