//! Tables of experiments: every number by hand, and every refusal with its fix.

use super::folder;
use oci_agent::dataset::metrics::{Fault, MetricColumn, MetricError, MetricValues, UnitTable, unit_table};
use oci_agent::plan::experiment::parse;

/// Six shoppers of three households.
const SHOPPERS: &str = "shopper,household,arm,device,tenure,seen,saw\n\
                        a,1,control,mobile,10,2026-03-01,0\n\
                        b,1,control,desktop,40,2026-03-01,0\n\
                        c,2,new,desktop,,2026-03-02,1\n\
                        d,2,new,mobile,5,2026-03-02,0\n\
                        e,3,new,,60,2026-03-03,1\n\
                        f,3,control,tablet,7,2026-03-03,0\n";

/// z was never assigned; the last row of b has no amount.
const ORDERS: &str = "shopper,at,amount,status\n\
                      a,2026-02-27,8,ok\n\
                      a,2026-03-01,10,ok\n\
                      a,2026-03-07,20,ok\n\
                      a,2026-03-08,40,ok\n\
                      b,2026-03-02,5,returned\n\
                      b,2026-03-03,,ok\n\
                      c,2026-03-01,7,ok\n\
                      c,2026-03-02,100,ok\n\
                      c,2026-02-28,3,ok\n\
                      d,2026-03-04,6,ok\n\
                      d,2026-03-04,6,ok\n\
                      z,2026-03-04,9,ok\n\
                      f,2026-03-20,50,ok\n";

const TOP: &str = "title: t\nquestion: q\ndesign: experiment\ndata: {source: units.csv}\n";
const ASSIGNMENT: &str = "assignment: {column: arm, control: control, unit_id: shopper, assigned_at: seen}\n";

fn plan_of(metrics: &str) -> String {
    format!("{TOP}{ASSIGNMENT}metrics:\n{metrics}\n")
}

/// A metric of orders within seven days.
fn orders(expression: &str) -> String {
    plan_of(&format!("  m: {{source: orders.csv, expression: '{expression}', time: at, window: [0d, 7d]}}"))
}

fn made(plan: &str, files: &[(&str, &str)]) -> Result<UnitTable, MetricError> {
    let plan = parse(plan).unwrap_or_else(|problems| panic!("{plan}\n{problems:#?}"));
    let all = [("units.csv", SHOPPERS), ("orders.csv", ORDERS)];
    let others = all.iter().filter(|(name, _)| files.iter().all(|file| file.0 != *name));
    let files: Vec<(&str, &[u8])> = others.chain(files).map(|(name, text)| (*name, text.as_bytes())).collect();
    unit_table(&plan, folder(&files).path().into())
}

fn table(plan: &str) -> UnitTable {
    made(plan, &[]).unwrap_or_else(|error| panic!("{plan}\n{error}"))
}

fn metric(plan: &str) -> MetricColumn {
    table(plan).metrics.remove(0)
}

/// Numbers as text; a missing one is `-`.
fn shown(values: &[f64]) -> String {
    let one = |value: &f64| if value.is_nan() { "-".to_owned() } else { value.to_string() };
    values.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn values(column: &MetricColumn) -> String {
    match &column.values {
        MetricValues::Mean(values) => shown(values),
        MetricValues::Ratio(top, bottom) => format!("{} / {}", shown(top), shown(bottom)),
        MetricValues::Quantile(values, q) => format!("{q}: {values:?}"),
    }
}

/// The one problem, with its path, message and hint in one text.
fn refused(plan: &str, files: &[(&str, &str)]) -> String {
    let error = made(plan, files).expect_err(plan);
    let problems = error.problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    let problem = &problems[0];
    assert!(!problem.hint.is_empty(), "{problem:?}");
    format!("{}: {}; {}", problem.path, problem.message, problem.hint)
}

fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

/// A covariate term in every row.
fn term(table: &UnitTable, at: usize) -> Vec<f64> {
    let values = table.term_values[at].values();
    (0..values.len()).map(|row| values.at(row)).collect()
}

#[test]
fn rows_become_numbers_of_units() {
    for (expression, expected) in [
        // a: the first and the seventh day; b: 5, and a row without a value; c: from its own day on; e: no row.
        ("sum(amount)", "30 5 100 12 0 0"),
        ("mean(amount)", "15 5 100 6 - -"),
        ("min(amount)", "10 5 100 6 - -"),
        ("max(amount)", "20 5 100 6 - -"),
        ("count()", "2 2 1 2 0 0"),
        ("distinct(amount)", "2 1 1 1 0 0"),
        ("distinct(status)", "1 2 1 1 0 0"),
        ("sum(if(amount > 9, 1, 0))", "2 0 1 0 0 0"),
        ("sum(status == \"ok\")", "2 1 1 2 0 0"),
    ] {
        assert_eq!(values(&metric(&orders(expression))), expected, "{expression}");
    }
}

#[test]
fn what_was_done_is_counted() {
    let counters = metric(&orders("sum(amount)")).counters;
    assert_eq!((counters.rows, counters.filtered, counters.not_assigned), (13, 0, 1));
    // Three before the assignment, one on the eighth day, one of f.
    assert_eq!((counters.outside_window, counters.rows_without_value), (5, 1));
    assert_eq!((counters.units_without_rows, counters.set_to_zero, counters.window_not_over), (2, 2, 0));
    assert_eq!((counters.winsorised, counters.winsorised_at), (0, None));
    let counters = metric(&orders("mean(amount)")).counters;
    assert_eq!((counters.units_without_rows, counters.set_to_zero), (2, 0));
    // A row is counted for the first reason that leaves it out.
    let plan = orders("count()").replace("time: at", "time: at, filter: status == \"ok\" and shopper != z");
    let counters = metric(&plan).counters;
    assert_eq!((counters.filtered, counters.not_assigned, counters.outside_window), (2, 0, 5));
}

#[test]
fn a_sum_without_any_value_is_missing_and_one_without_rows_is_zero() {
    let orders_of_b = "shopper,at,amount\na,2026-03-01,1\nb,2026-03-01,\nc,2026-03-20,2\n";
    let found = made(&orders("sum(amount)"), &[("orders.csv", orders_of_b)]).expect("a table").metrics.remove(0);
    assert_eq!(values(&found), "1 - 0 0 0 0");
    assert_eq!((found.counters.rows_without_value, found.counters.set_to_zero), (1, 4));
}

#[test]
fn a_window_holds_its_first_instant_and_not_its_last() {
    let hours = "shopper,at,x\na,2026-03-01 00:00:00,1\na,2026-03-01 11:59:59,2\na,2026-03-01 12:00:00,4\n\
                 b,2026-02-28 23:59:59,8\nc,2026-03-02 12:00:01,16\nf,2026-03-04 00:00:00,32\n";
    let plan = orders("sum(x)");
    let of = |window: &str| {
        let plan = plan.replace("[0d, 7d]", window);
        values(&made(&plan, &[("orders.csv", hours)]).expect("a table").metrics[0])
    };
    assert_eq!(of("[0h, 12h]"), "3 0 0 0 0 0");
    assert_eq!(of("[12h, 1d]"), "4 0 16 0 0 0");
    // 0.1 h and the like are no whole numbers of days.
    assert_eq!(of("[0h, 12.1h]"), "7 0 16 0 0 0");
    // Without a window: from the assignment on.
    let plan = plan.replace(", window: [0d, 7d]", "");
    assert_eq!(values(&made(&plan, &[("orders.csv", hours)]).expect("a table").metrics[0]), "7 0 16 0 0 32");
    // Without a time: everything.
    let plan = plan.replace(", time: at", "");
    assert_eq!(values(&made(&plan, &[("orders.csv", hours)]).expect("a table").metrics[0]), "7 8 16 0 0 32");
}

#[test]
fn a_start_serves_all_units() {
    let plan = orders("sum(amount)").replace("assigned_at: seen", "start: 2026-03-01");
    assert_eq!(values(&metric(&plan)), "30 5 107 12 0 0");
}

#[test]
fn windows_that_are_not_over_are_counted() {
    // The last row is of 20 March, so that the day is over: e and f need 17 days from 3 March.
    let over = |window: &str| metric(&orders("sum(amount)").replace("[0d, 7d]", window)).counters.window_not_over;
    assert_eq!((over("[0d, 18d]"), over("[0d, 19d]"), over("[0d, 20d]")), (0, 2, 4));
    let text = refused(&orders("sum(amount)").replace("[0d, 7d]", "[0d, 21d]"), &[]);
    says(&text, &["metrics.m.window", "ends 1.0 days after the last row", "shorten `window`"]);
}

#[test]
fn ratios_and_quantiles_keep_what_they_need() {
    let plan = plan_of("  m: {source: orders.csv, ratio: [sum(amount), count()], time: at, window: [0d, 7d]}");
    let found = metric(&plan);
    assert_eq!(values(&found), "30 5 100 12 0 0 / 2 2 1 2 0 0");
    assert_eq!((found.counters.rows_without_value, found.counters.set_to_zero), (1, 2));
    let found = metric(&orders("quantile(amount, 0.9)"));
    let MetricValues::Quantile(values, q) = found.values else { panic!("{:?}", found.values) };
    assert_eq!(q, 0.9);
    assert_eq!(values, [(0, 10.0), (0, 20.0), (1, 5.0), (2, 100.0), (3, 6.0), (3, 6.0)]);
    assert_eq!(found.counters.set_to_zero, 0);
}

#[test]
fn the_table_of_assignments_has_metrics_of_its_own() {
    assert_eq!(values(&metric(&plan_of("  m: {expression: tenure}"))), "10 40 - 5 60 7");
    assert_eq!(values(&metric(&plan_of("  m: {expression: tenure / 10 + saw}"))), "1 4 - 0.5 7 0.7");
    assert_eq!(values(&metric(&plan_of("  m: {expression: saw == 1}"))), "0 0 1 0 1 0");
    assert_eq!(values(&metric(&plan_of("  m: {ratio: [tenure, saw + 1]}"))), "10 40 - 5 60 7 / 1 1 2 1 2 1");
    assert_eq!(values(&metric(&plan_of("  m: {expression: tenure, filter: tenure > 5}"))), "10 40 - - 60 7");
    let found = metric(&plan_of("  m: {expression: tenure}"));
    assert_eq!((found.counters.rows, found.counters.rows_without_value), (6, 1));
}

#[test]
fn winsorising_is_type_seven_and_counted() {
    // numpy.quantile([30, 5, 100, 12, 0, 0], 0.9) = 65
    let found = metric(&orders("sum(amount)").replace("time: at", "time: at, winsorise: 0.9"));
    assert_eq!(values(&found), "30 5 65 12 0 0");
    assert_eq!((found.counters.winsorised, found.counters.winsorised_at), (1, Some(65.0)));
}

#[test]
fn the_same_metric_before_the_start_is_a_covariate() {
    let plan = orders("sum(amount)") + "covariates: [pre_m]\n";
    let found = table(&plan);
    // Seven days before: a on 27 February, c on 1 March and 28 February.
    assert_eq!(found.metrics[0].before, Some(MetricValues::Mean(vec![8.0, 0.0, 10.0, 0.0, 0.0, 0.0])));
    assert_eq!(
        (found.terms.as_slice(), found.term_sources.as_slice()),
        (&["pre_m".to_owned()][..], &["pre_m".to_owned()][..])
    );
    assert_eq!(term(&found, 0), [8.0, 0.0, 10.0, 0.0, 0.0, 0.0]);
    // Of another length.
    let two_days = plan.replace("assigned_at: seen", "assigned_at: seen, pre_period: 48h");
    assert_eq!(term(&table(&two_days), 0), [8.0, 0.0, 10.0, 0.0, 0.0, 0.0]);
    let one_day = plan.replace("assigned_at: seen", "assigned_at: seen, pre_period: 1d");
    assert_eq!(term(&table(&one_day), 0), [0.0, 0.0, 7.0, 0.0, 0.0, 0.0]);
    // A mean has no value without rows, and gets an indicator.
    let found = table(&plan.replace("sum(amount)", "mean(amount)"));
    assert_eq!(found.terms, ["pre_m == (missing)", "pre_m"]);
    assert_eq!([0, 1].map(|j| term(&found, j)[1]), [1.0, 0.0]);
    assert_eq!([0, 1].map(|j| term(&found, j)[2]), [0.0, 5.0]);
    assert_eq!(found.filled.get("pre_m"), Some(&4));
    // A ratio of sums.
    let ratio = plan_of("  m: {source: orders.csv, ratio: [sum(amount), count()], time: at, window: [0d, 7d]}");
    assert_eq!(term(&table(&(ratio + "covariates: [pre_m]\n")), 1), [8.0, 0.0, 5.0, 0.0, 0.0, 0.0]);
}

#[test]
fn a_covariate_before_the_start_needs_rows_there() {
    let late = "shopper,at,amount\na,2026-03-01,1\nb,2026-03-20,2\n";
    let plan = orders("sum(amount)") + "covariates: [pre_m]\n";
    says(
        &refused(&plan, &[("orders.csv", late)]),
        &["covariates[0]", "no row of an assigned unit", "take `pre_m` out"],
    );
    let both = SHOPPERS.replace(",tenure,", ",pre_m,");
    says(&refused(&plan, &[("units.csv", &both)]), &["is a column", "derive: {pre_m_given: pre_m}"]);
    // Nothing to say if nobody asked for it.
    let found = made(&orders("sum(amount)"), &[("orders.csv", late)]).expect("a table");
    assert_eq!(found.metrics[0].before, None);
}

#[test]
fn arms_begin_with_the_control() {
    let plan = plan_of("  m: {expression: tenure}");
    let found = table(&plan);
    assert_eq!(
        (found.arms.as_slice(), found.shares.as_slice()),
        (&["control".to_owned(), "new".to_owned()][..], &[0.5, 0.5][..])
    );
    assert_eq!(found.assigned, [0, 0, 1, 1, 1, 0]);
    let found = table(&plan.replace("control: control", "control: new"));
    assert_eq!((found.arms, found.assigned), (vec!["new".to_owned(), "control".to_owned()], vec![1, 1, 0, 0, 0, 1]));
    // Numbers, and arms by number and not by letter.
    let arms = |text: &str| {
        ["control", "control", "new", "new", "new", "control"]
            .iter()
            .zip(text.split(' '))
            .fold(SHOPPERS.to_owned(), |file, (old, new)| file.replacen(&format!(",{old},"), &format!(",{new};,"), 1))
            .replace(';', "")
    };
    let numbers = plan.replace("control: control", "control: 0");
    let found = made(&numbers, &[("units.csv", &arms("10 0 2 10 2 0"))]).expect("numbers");
    assert_eq!((found.arms.join(" "), found.assigned), ("0 2 10".to_owned(), vec![2, 0, 1, 2, 1, 0]));
    assert_eq!(found.shares, [1.0 / 3.0; 3]);
    let said = numbers.replace("unit_id", "shares: {10: 0.2, 0: 0.5, 2: 0.3}, unit_id");
    assert_eq!(made(&said, &[("units.csv", &arms("10 0 2 10 2 0"))]).expect("shares").shares, [0.5, 0.3, 0.2]);
    let found = made(&numbers, &[("units.csv", &arms("true false true true false false"))]).expect("flags");
    assert_eq!((found.arms.join(" "), found.assigned), ("false true".to_owned(), vec![1, 0, 1, 1, 0, 0]));
}

#[test]
fn arms_and_shares_go_together() {
    let plan = plan_of("  m: {expression: saw}");
    let shares = |text: &str| plan.replace("unit_id", &format!("shares: {text}, unit_id"));
    says(
        &refused(&shares("{control: 0.5, new: 0.3, newer: 0.2}"), &[]),
        &["assignment.shares", "`newer`, and no row", "take `newer` out"],
    );
    let third = SHOPPERS.replace("3,new", "3,newer");
    says(
        &refused(&shares("{control: 0.5, new: 0.5}"), &[("units.csv", &third)]),
        &["1 row of `arm` have the arm `newer`", "add `newer`"],
    );
    says(&refused(&plan.replace("control: control", "control: old"), &[]), &["assignment.control", "`control`, `new`"]);
    let gaps = SHOPPERS.replace("3,new", "3,");
    says(
        &refused(&plan, &[("units.csv", &gaps)]),
        &["`arm` has no value in 1 row, the first in row 5", "is_missing(arm)"],
    );
    let one = SHOPPERS.replace("new", "control");
    says(&refused(&plan, &[("units.csv", &one)]), &["has 1 arm,"]);
    says(&refused(&plan.replace("column: arm", "column: amr"), &[]), &["no column `amr`", "did you mean `arm`?"]);
}

#[test]
fn take_up_is_an_arm_or_a_flag() {
    let plan = plan_of("  m: {expression: tenure}") + "treated: saw\n";
    let found = table(&plan);
    assert_eq!((found.taken, found.treatments.join(" ")), (Some(vec![0, 0, 1, 0, 1, 0]), "0 1".to_owned()));
    let named =
        |yes: &str, no: &str| SHOPPERS.replace(",0\n", &format!(",{no}\n")).replace(",1\n", &format!(",{yes}\n"));
    let found = made(&plan, &[("units.csv", &named("new", "control"))]).expect("arms");
    assert_eq!((found.taken, found.treatments), (Some(vec![0, 0, 1, 0, 1, 0]), found.arms));
    let found = made(&plan, &[("units.csv", &named("yes", "no"))]).expect("words");
    assert_eq!(found.taken, Some(vec![0, 0, 1, 0, 1, 0]));
    says(
        &refused(&plan, &[("units.csv", &named("blue", "red"))]),
        &["treated", "`blue`, `red`", "neither the arms", "write 1"],
    );
    says(&refused(&plan, &[("units.csv", &named("1", ""))]), &["treated", "no value in 4 rows"]);
    assert_eq!(table(&plan.replace("treated: saw\n", "")).taken, None);
}

#[test]
fn units_and_clusters_are_numbered_as_they_appear() {
    let plan = plan_of("  m: {expression: tenure}");
    let found = table(&plan);
    assert_eq!((found.units, found.unit_count, found.clusters), (Some(vec![0, 1, 2, 3, 4, 5]), 6, None));
    let clustered = plan.replace("unit_id", "cluster_by: [household], unit_id");
    assert_eq!(table(&clustered).clusters, Some(vec![0, 0, 1, 1, 2, 2]));
    let both = plan.replace("unit_id", "cluster_by: [household, device], unit_id");
    let full = SHOPPERS.replace(",,60", ",mobile,60");
    assert_eq!(made(&both, &[("units.csv", &full)]).expect("two").clusters, Some(vec![0, 1, 2, 3, 4, 5]));
    says(&refused(&both, &[]), &["assignment.cluster_by", "`device` has no value in 1 row"]);
    let without = table(&plan.replace(", unit_id: shopper", ""));
    assert_eq!((without.units, without.unit_count), (None, 6));
}

#[test]
fn repeated_units_are_clusters() {
    let plan = plan_of("  m: {expression: tenure}");
    let twice = SHOPPERS.to_owned() + "a,1,control,mobile,11,2026-03-08,0\n";
    let text = refused(&plan, &[("units.csv", &twice)]);
    says(&text, &["assignment.unit_id", "1 unit of `shopper`", "such as `a`", "`cluster_by: [shopper]`"]);
    let clustered = plan.replace("unit_id", "cluster_by: [shopper], unit_id");
    let found = made(&clustered, &[("units.csv", &twice)]).expect("clusters");
    assert_eq!((found.unit_count, found.units_in_two_arms), (6, 0));
    assert_eq!(found.units, Some(vec![0, 1, 2, 3, 4, 5, 0]));
    // Households that hold all rows of their shoppers are clusters of them too; others are not.
    let coarser = plan.replace("unit_id", "cluster_by: [household], unit_id");
    assert_eq!(made(&coarser, &[("units.csv", &twice)]).expect("nested").clusters, Some(vec![0, 0, 1, 1, 2, 2, 0]));
    let moved = twice.replace("a,1,control,mobile,11", "a,2,control,mobile,11");
    says(&refused(&coarser, &[("units.csv", &moved)]), &["1 unit of `shopper`"]);
    // Counted, for the audit to judge.
    let two = twice.replace("a,1,control,mobile,11", "a,1,new,mobile,11");
    assert_eq!(made(&clustered, &[("units.csv", &two)]).expect("two arms").units_in_two_arms, 1);
}

#[test]
fn rows_of_a_unit_take_the_orders_of_their_own_window() {
    let twice = SHOPPERS.to_owned() + "a,1,new,mobile,11,2026-03-08,0\n";
    let plan = orders("sum(amount)").replace("unit_id", "cluster_by: [shopper], unit_id");
    let found = made(&plan, &[("units.csv", &twice)]).expect("windows");
    assert_eq!(values(&found.metrics[0]), "30 5 100 12 0 0 40");
    let everything = plan.replace(", time: at, window: [0d, 7d]", "");
    let text = refused(&everything, &[("units.csv", &twice)]);
    says(&text, &["metrics.m.source", "would count for each", "`window:`"]);
}

#[test]
fn chances_lie_above_zero_and_at_most_at_one() {
    let plan = plan_of("  m: {expression: saw}").replace("unit_id", "propensity: tenure, unit_id");
    let chances = |text: &str| {
        let lines: Vec<String> = SHOPPERS
            .lines()
            .enumerate()
            .map(|(i, line)| {
                let mut fields: Vec<&str> = line.split(',').collect();
                if i > 0 {
                    fields[4] = text.split(' ').nth(i - 1).unwrap();
                }
                fields.join(",")
            })
            .collect();
        lines.join("\n") + "\n"
    };
    let found = made(&plan, &[("units.csv", &chances("0.5 0.5 0.1 1 0.9 0.5"))]).expect("chances");
    assert_eq!(found.propensity, Some(vec![0.5, 0.5, 0.1, 1.0, 0.9, 0.5]));
    let text = refused(&plan, &[("units.csv", &chances("0.5 0.5 0 1.5 0.9 0.5"))]);
    says(&text, &["assignment.propensity", "`tenure` is 0 in row 3", "2 rows outside"]);
    says(&refused(&plan, &[]), &["no value in 1 row"]);
}

#[test]
fn covariates_become_terms() {
    let plan = plan_of("  m: {expression: saw}") + "covariates: [tenure, device, saw]\n";
    let found = table(&plan);
    assert_eq!(
        found.terms,
        ["tenure == (missing)", "tenure", "device == (missing)", "device == mobile", "device == tablet", "saw"]
    );
    assert_eq!(found.term_sources, ["tenure", "tenure", "device", "device", "device", "saw"]);
    let rows: Vec<Vec<f64>> =
        (0..found.assigned.len()).map(|row| (0..found.terms.len()).map(|j| term(&found, j)[row]).collect()).collect();
    assert_eq!(rows[0], [0.0, 10.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(rows[2], [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(rows[4], [0.0, 60.0, 1.0, 0.0, 0.0, 1.0]);
    assert_eq!(rows[5], [0.0, 7.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!((found.filled.get("tenure"), found.filled.get("device"), found.filled.len()), (Some(&1), Some(&1), 2));
    // The plan's reference, and rare levels made one: in the covariates, and not in a segment.
    let rare = plan.replace("{source: units.csv}", "{source: units.csv, rare_levels: {below: 2, into: other}, columns: {device: {type: category, reference: mobile}}}");
    let more = rare + "segments: ['device == \"tablet\"']\n";
    let two = SHOPPERS.replace("3,new,,", "3,new,watch,");
    let found = made(&more, &[("units.csv", &two)]).expect("rare levels");
    assert!(found.terms.contains(&"device == other".to_owned()), "{:?}", found.terms);
    assert_eq!(found.segments, [[false, false, false, false, false, true]]);
    says(
        &refused(&plan.replace("[tenure, device, saw]", "[tenur]"), &[]),
        &["covariates[0]", "did you mean `tenure`?"],
    );
}

#[test]
fn segments_are_masks() {
    let plan = plan_of("  m: {expression: saw}")
        + "segments: ['device == \"mobile\" or tenure > 30', 'tenure > 6', 'tenure not in [5]']\n";
    let found = table(&plan);
    let masks: Vec<String> =
        found.segments.iter().map(|mask| mask.iter().map(|it| if *it { '1' } else { '0' }).collect()).collect();
    assert_eq!(masks, ["110110", "110011", "110011"]);
    // c has no tenure and is no mobile; that of e is known to be above 30.
    assert_eq!(found.segment_missing, [1, 1, 1]);
    let wrong =
        |segment: &str| refused(&(plan_of("  m: {expression: saw}") + &format!("segments: ['{segment}']\n")), &[]);
    says(&wrong("device == \"phone\""), &["segments[0]", "never has", "`mobile`"]);
    says(&wrong("tenur > 3"), &["segments[0]", "did you mean `tenure`?"]);
    says(&wrong("tenure"), &["segments[0]", "true or false"]);
    says(&wrong("tenure / saw > 3"), &["segments[0]", "divides by zero", "if(b == 0"]);
}

#[test]
fn a_filter_and_derived_columns_come_first() {
    let data = "{source: units.csv, filter: tenure > 6, derive: {old: tenure > 30}}";
    let plan = plan_of("  m: {expression: tenure}").replace("{source: units.csv}", data) + "covariates: [old]\n";
    let found = table(&plan);
    assert_eq!(term(&found, 0), [0.0, 1.0, 1.0, 0.0]);
    assert_eq!(found.assigned, [0, 0, 1, 0]);
    assert_eq!(values(&found.metrics[0]), "10 40 60 7");
    // Orders of those who are left out are those of nobody.
    let plan = orders("sum(amount)").replace("{source: units.csv}", data);
    let found = metric(&plan);
    assert_eq!((values(&found).as_str(), found.counters.not_assigned), ("30 5 0 0", 1), "z was never assigned");
    assert_eq!(found.counters.of_filtered_units, 5, "three orders of c and two of d");
    let filtered = table(&plan).filtered_out.expect("a filter");
    assert_eq!((filtered.rows, filtered.units), (2, Some(2)));
    assert_eq!(table(&orders("sum(amount)")).filtered_out, None);
    let plan =
        plan_of("  m: {expression: tenure}").replace("{source: units.csv}", data).replace(", unit_id: shopper", "");
    assert_eq!(table(&plan).filtered_out.expect("a filter").units, None, "rows have no identifier");
}

#[test]
fn identifiers_join_whatever_their_type() {
    let numbered = |text: &str| text.replace("a,", "1,").replace("b,", "2,").replace("c,", "3,").replace("d,", "4,");
    let units = "shopper,arm,seen\n1,control,2026-03-01\n2,new,2026-03-01\n3,new,2026-03-02\n4,control,2026-03-02\n";
    let found = made(&orders("sum(amount)"), &[("units.csv", units), ("orders.csv", &numbered(ORDERS))]);
    assert_eq!(values(&found.expect("numbers and text").metrics[0]), "30 5 100 12");
    let renamed = ORDERS.replace("shopper,at", "who,at");
    let plan = orders("sum(amount)").replace("time: at", "time: at, per: who");
    assert_eq!(values(&made(&plan, &[("orders.csv", &renamed)]).expect("per").metrics[0]), "30 5 100 12 0 0");
    let text = refused(&orders("sum(amount)"), &[("orders.csv", &renamed)]);
    says(&text, &["metrics.m.source", "`orders.csv` has no column `shopper`"]);
    let strangers = "shopper,at,amount\nA-1,2026-03-01,1\nA-2,2026-03-20,2\n";
    let text = refused(&orders("sum(amount)"), &[("orders.csv", strangers)]);
    says(&text, &["no row of `orders.csv` belongs to a unit", "`A-1`, `A-2`", "`a`, `b`, `c`", "per: COLUMN"]);
}

#[test]
fn metrics_that_say_nothing_are_refused() {
    let wrong = |metric: &str| refused(&plan_of(metric), &[]);
    says(&wrong("  m: {expression: tenur}"), &["metrics.m.expression", "did you mean `tenure`?"]);
    says(&wrong("  m: {expression: device}"), &["metrics.m.expression", "holds texts such as `desktop`"]);
    says(&wrong("  m: {expression: seen}"), &["metrics.m.expression"]);
    says(&wrong("  m: {source: order.csv, expression: count()}"), &["metrics.m.source", "orders.csv"]);
    says(&wrong("  m: {expression: saw == 2}"), &["metrics.m", "0 for every unit: there is no event"]);
    says(&wrong("  m: {expression: 7}"), &["7 for every unit"]);
    says(&wrong("  m: {expression: tenure, filter: tenure > 99}"), &["no unit has a value of `m`"]);
    says(&wrong("  m: {ratio: [tenure, saw * 0]}"), &["metrics.m.ratio", "sums to 0"]);
    says(&wrong("  m: {expression: tenure / saw}"), &["divides by zero in 4 rows", "`filter:` on the metric"]);
    assert!(made(&plan_of("  m: {expression: tenure / saw, filter: saw == 1}"), &[]).is_err(), "one value is left");
    let window = "  m: {source: orders.csv, expression: sum(amount), time: status}";
    says(&wrong(window), &["metrics.m.time", "`status` is not a time", "2026-03-01"]);
}

#[test]
fn a_metric_that_is_not_primary_is_refused_alone() {
    let late = "  m: {expression: tenure, role: primary}\n  \
                g: {source: orders.csv, expression: sum(amount), time: at, window: [14d, 16d]}";
    let plan = plan_of(late).replace("seen}", "seen, pre_period: 7d}") + "covariates: [pre_g]\n";
    let made = table(&plan);
    assert_eq!(made.metrics.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["m"]);
    let refused = &made.refused[0];
    assert_eq!(refused.fault, Fault::Constant { metric: "g".into(), value: "0".into() });
    says(&refused.reason(), &["`g` is 0 for every unit", "`winsorise`"]);
    assert_eq!(refused.column.counters.rows, 13);
    // It is a covariate all the same: a bought for 8 before the start, c for 7 and 3.
    assert_eq!(made.terms, ["pre_g"]);
    assert_eq!(term(&made, 0), [8.0, 0.0, 10.0, 0.0, 0.0, 0.0]);
    let primary = plan.replace(", role: primary", "").replace("16d]", "16d], role: primary");
    says(&self::refused(&primary, &[]), &["there is no event"]);
}

#[test]
fn clocks_with_and_without_a_zone_are_not_mixed() {
    let zoned = "shopper,at,x\na,2026-03-01T09:00:00Z,1\nb,2026-03-20T02:00:00Z,2\nf,2026-03-21T00:00:00Z,2\n";
    // Whole days do not say which zone they are of.
    assert!(made(&orders("sum(x)"), &[("orders.csv", zoned)]).is_ok());
    let clock = SHOPPERS.replace("2026-03-01,", "2026-03-01 08:30,");
    let text = refused(&orders("sum(x)"), &[("orders.csv", zoned), ("units.csv", &clock)]);
    says(&text, &["metrics.m.time", "`at of orders.csv` has times with a zone", "`seen` has times without"]);
    let both = SHOPPERS.replace("2026-03-01,", "2026-03-01T08:30Z,");
    let found = made(&orders("sum(x)"), &[("orders.csv", zoned), ("units.csv", &both)]).expect("one clock");
    assert_eq!(values(&found.metrics[0]), "1 0 0 0 0 0");
    // Two columns of one table.
    let two =
        SHOPPERS.replace(",seen,saw", ",seen,met").replace(",0\n", ",2026-03-05T08:30:00Z\n").replace(",1\n", ",\n");
    let two = two.replace("2026-03-01,", "2026-03-01 08:30,");
    let plan = plan_of("  m: {expression: tenure}").replace("unit_id", "exposed_at: met, unit_id");
    says(&refused(&plan, &[("units.csv", &two)]), &["assignment.exposed_at", "`met` has times with a zone"]);
    let found = made(&plan, &[("units.csv", &two.replace("8:30,", "8:30Z,"))]).expect("one clock");
    let [met, seen] = [found.exposed_at, found.assigned_at].map(|times| times.expect("times"));
    // 08:30 is 0.3541666… of a day; c and e were never exposed.
    assert!((met[0] - seen[0] - 4.0).abs() < 1e-9 && met[2].is_nan() && met[4].is_nan(), "{met:?}");
}

#[test]
fn each_file_is_part_of_the_fingerprint() {
    let metrics = "  m: {source: orders.csv, expression: count()}\n  k: {source: orders.csv, expression: sum(amount)}";
    let found = table(&plan_of(metrics));
    assert_eq!(found.files.keys().map(String::as_str).collect::<Vec<_>>(), ["orders.csv", "units.csv"]);
    assert_eq!(found.assignments.sha256, found.files["units.csv"]);
    let other = made(&plan_of(metrics), &[("orders.csv", &ORDERS.replace("100", "101"))]).expect("another");
    assert_ne!(found.sha256, other.sha256);
    let alone = table(&plan_of("  m: {expression: tenure}"));
    assert_eq!(alone.sha256, alone.files["units.csv"]);
}

#[test]
fn every_fault_comes_at_once() {
    let metrics = "  m: {source: nothing.csv, expression: count()}\n  k: {expression: tenur}";
    let plan = plan_of(metrics).replace("column: arm", "column: amr") + "covariates: [devic]\n";
    let error = made(&plan, &[]).expect_err("four faults");
    let paths: Vec<&str> = error.faults.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["metrics.m.source", "assignment.column", "metrics.k.expression", "covariates[0]"]);
    assert!(matches!(&error.faults[1].fault, Fault::NoColumn { column, .. } if column == "amr"));
    assert!(!error.is_io());
    let error = made(&plan.replace("units.csv", "unit.csv"), &[]).expect_err("no table");
    assert_eq!(error.problems()[0].path, "data.source");
}

#[test]
fn a_table_that_holds_everything_needs_no_other_file() {
    let units = "unit_id,cluster_id,device,x_age,arm,sales,converted,p_ad,d_enc,week\n\
                 253,10,mobile,0,t2,8.5,1,0.25,0,1\n253,10,mobile,0,t2,9.5,0,0.25,0,2\n\
                 170,7,desktop,1,control,9.0,1,0.5,1,1\n716,7,tablet,3,t1,13.0,0,0.25,1,1\n\
                 170,7,desktop,1,control,8.0,1,0.5,1,2\n";
    let plan = "title: t\nquestion: q\ndesign: experiment\ndata: {source: units.csv}\n\
                assignment: {column: arm, control: control, unit_id: unit_id, cluster_by: unit_id, period: week, propensity: p_ad}\n\
                treated: d_enc\nmetrics: {sales: {expression: sales}, converted: {expression: converted}}\n\
                covariates: [x_age, device]\nsegments: ['device in [mobile, tablet]']\nrequests: [itt, late]\n";
    let found = made(plan, &[("units.csv", units)]).expect("a table");
    assert_eq!((found.arms.join(" "), found.assigned), ("control t1 t2".to_owned(), vec![2, 2, 0, 1, 0]));
    assert_eq!((found.units, found.unit_names.join(" ")), (Some(vec![0, 0, 1, 2, 1]), "253 170 716".to_owned()));
    assert_eq!((found.unit_count, found.clusters), (3, Some(vec![0, 0, 1, 2, 1])));
    assert_eq!((found.period, found.taken), (Some(vec![1.0, 2.0, 1.0, 1.0, 2.0]), Some(vec![0, 0, 1, 1, 1])));
    assert_eq!(found.propensity, Some(vec![0.25, 0.25, 0.5, 0.25, 0.5]));
    assert_eq!(found.terms, ["x_age", "device == mobile", "device == tablet"]);
    assert_eq!(found.segments, [[true, true, false, true, false]]);
    let metrics: Vec<String> = found.metrics.iter().map(values).collect();
    assert_eq!(metrics, ["8.5 9.5 9 13 8", "1 0 1 0 1"]);
}
