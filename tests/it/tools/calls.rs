//! Every tool as it is meant to be called, by everyone who may.

use super::fixtures::{NHEFS, REDACTED, World, data, heard, inside, plan, right_calls};
use oci_agent::plan::Tool;
use oci_agent::tools::{Answer, Registry, Role, Task, ToolError};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

const ACTOR: [&str; 11] = [
    "describe_data",
    "fit_propensity",
    "check_balance",
    "check_overlap",
    "run_placebo",
    "trim",
    "check_sensitivity",
    "estimate",
    "list_playbooks",
    "read_playbook",
    "propose_spec",
];
const CRITIC: [&str; 10] = [
    "describe_data",
    "fit_propensity",
    "check_balance",
    "check_overlap",
    "run_placebo",
    "check_sensitivity",
    "estimate",
    "list_playbooks",
    "read_playbook",
    "submit_critique",
];

fn names(role: Role, allowed: &[Tool], unblinded: bool) -> Vec<String> {
    Registry::new(role, allowed).offered(unblinded).into_iter().map(|tool| tool.name).collect()
}

#[test]
fn each_role_is_offered_its_tools_in_a_fixed_order() {
    assert_eq!(names(Role::Actor, &Tool::ALL, true), ACTOR);
    assert_eq!(names(Role::Host, &Tool::ALL, true), ACTOR);
    assert_eq!(names(Role::Critic, &Tool::ALL, true), CRITIC);
    let blind = names(Role::Critic, &Tool::ALL, false);
    assert!(!blind.iter().any(|name| name == "estimate" || name == "check_sensitivity"), "{blind:?}");
}

#[test]
fn schemas_are_plain() {
    for role in [Role::Actor, Role::Critic] {
        for tool in Registry::new(role, &Tool::ALL).offered(true) {
            let text = tool.schema.to_string();
            assert_eq!(tool.schema["type"], "object", "{}", tool.name);
            assert_eq!(tool.schema["additionalProperties"], false, "{}", tool.name);
            assert!(tool.schema["properties"].is_object(), "{}", tool.name);
            for word in ["$ref", "$schema", "$defs", "\"format\"", "null", "anyOf"] {
                assert!(!text.contains(word), "{}: {word} in {text}", tool.name);
            }
            assert!(role == Role::Actor || !text.contains("preview"), "{text}");
        }
    }
    let offered = Registry::new(Role::Actor, &Tool::ALL).offered(false);
    let propose = offered.iter().find(|tool| tool.name == "propose_spec").expect("propose_spec");
    let required = &propose.schema["properties"]["changes"]["items"]["required"];
    assert_eq!(required, &json!(["estimand", "reason"]), "{}", propose.schema);
}

#[test]
fn every_tool_answers() {
    for world in [&*NHEFS, &*REDACTED] {
        for estimand in ["ate", "att", "ato"] {
            for (name, arguments) in right_calls(estimand) {
                let called = world.call(Role::Host, name, &arguments, Task::Look);
                // A playbook is not for every estimand, and trimming does nothing else.
                match called {
                    Ok(answer) => drop(heard(&answer)),
                    Err(error) => panic!("{name} {arguments}: {error}"),
                }
            }
        }
    }
}

#[test]
fn data_are_described_without_the_outcome() {
    let described = NHEFS.json("describe_data", &json!({}));
    assert_eq!((&described["rows_analysed"], &described["treated"]), (&json!("1566"), &json!("403")));
    let columns = described["columns"].as_array().expect("columns");
    let column = |name: &str| columns.iter().find(|column| column["name"] == name).expect(name);
    assert_eq!(
        column("wt82_71"),
        &json!({"name": "wt82_71", "role": "outcome", "kind": "continuous", "missing": "none", "units": "kg"})
    );
    assert_eq!(column("seqn"), &json!({"name": "seqn", "role": "unit id"}));
    assert_eq!(column("age")["role"], "priority confounder");
    assert_eq!(column("ht")["role"], "placebo outcome");
    assert_eq!(column("education")["levels"].as_array().map(Vec::len), Some(5));
    assert!((column("age")["mean"].as_f64().expect("mean") - 43.66).abs() < 0.01, "{}", column("age"));
    assert_eq!(column("age")["quantiles"]["50 %"], json!(43.0));
}

#[test]
fn diagnostics_are_those_of_the_design() {
    let design = oci_agent::pipeline::design::design(&NHEFS.prepared, &NHEFS.prepared.draft);
    // Rounded to the step of the smaller arm, 403 units.
    let step = NHEFS.privacy.step(403);
    let (ate, near) = (&design.analyses[0], |a: &Value, b: f64| (a.as_f64().expect("number") - b).abs() <= 0.51 * step);
    let balance = NHEFS.json("check_balance", &json!({"estimand": "ATE"}));
    let table = ate.balance.as_ref().expect("balance");
    assert!(near(&balance["max_abs_smd_priority_after"], table.max_priority_after.expect("smd")));
    assert_eq!(balance["worst_terms"].as_array().map(Vec::len), Some(12));
    assert_eq!(balance["findings"][0]["code"], "balance.priority");
    let overlap = NHEFS.json("check_overlap", &json!({"estimand": "ate"}));
    assert!(near(&overlap["share_outside_of_target_population"], ate.overlap.as_ref().expect("overlap").share_outside));
    let propensity = NHEFS.json("fit_propensity", &json!({"estimand": "ate"}));
    assert!(near(&propensity["auc"], ate.propensity.as_ref().expect("propensity").auc));
    let placebo = NHEFS.json("run_placebo", &json!({"estimand": "ate"}));
    assert!(near(&placebo["placebos"][0]["p_value"], ate.placebo.as_ref().expect("placebo").effects[0].p_value));
    let preview = NHEFS.json("check_overlap", &json!({"estimand": "ate", "preview": {"trim": 0.2}}));
    assert_eq!(preview["estimated_now"], "trimmed ATE");
    assert!(preview["preview"].as_str().expect("a sentence").starts_with("Only rows with a propensity from 0.2"));
    let trimmed = NHEFS.json("trim", &json!({"estimand": "ate", "alpha": 0.2}));
    assert_eq!((&trimmed["name_if_trimmed"], &trimmed["rows_kept"]), (&json!("trimmed ATE"), &preview["rows"]));
}

#[test]
fn after_unblinding_there_are_effects() {
    let registry = Registry::new(Role::Critic, &NHEFS.prepared.plan.tools);
    let context = NHEFS.unblinded(Task::Criticise(&NHEFS.computed));
    let estimates = inside(&heard(&registry.call("estimate", &json!({}), &context).expect("estimates")));
    let answer = estimates["answers"][0]["effect"]["estimate"].as_f64().expect("estimate");
    let expected = NHEFS.results.answers[0].effect.as_ref().expect("effect").estimate;
    assert!((answer - expected).abs() < 1e-2, "{answer} {expected}");
    let sensitivity = inside(&heard(&registry.call("check_sensitivity", &Value::Null, &context).expect("sensitivity")));
    assert!(sensitivity["answers"][0]["robustness_value"].is_number(), "{sensitivity}");
    assert!(sensitivity["answers"][0]["e_value"].is_number(), "{sensitivity}");
}

#[test]
fn the_plans_list_holds_whatever_was_offered() {
    let calls: Vec<(&str, Value)> = right_calls("ate");
    for (tool, names) in [
        (Tool::Propensity, &["fit_propensity"][..]),
        (Tool::Balance, &["check_balance"]),
        (Tool::Overlap, &["check_overlap"]),
        (Tool::Placebo, &["run_placebo"]),
        (Tool::Trim, &["trim"]),
        (Tool::Sensitivity, &["check_sensitivity"]),
    ] {
        let without: Vec<Tool> = Tool::ALL.into_iter().filter(|listed| *listed != tool).collect();
        let registry = Registry::new(Role::Actor, &without);
        let offered = registry.offered(true);
        for name in names {
            assert!(offered.iter().all(|tool| tool.name != *name), "{name}");
            let arguments = calls.iter().find(|(called, _)| called == name).map_or(json!({}), |(_, a)| a.clone());
            let error = registry.call(name, &arguments, &NHEFS.unblinded(Task::Revise)).expect_err(name);
            assert!(matches!(error, ToolError::NotAllowed { .. }), "{error}");
            assert!(error.to_string().contains(tool.key()), "{error}");
        }
    }
    let registry = Registry::new(Role::Actor, &[Tool::Propensity, Tool::Balance]);
    let error = registry.call("estimate", &json!({}), &NHEFS.unblinded(Task::Look)).expect_err("no estimator");
    assert!(matches!(error, ToolError::NotAllowed { .. }), "{error}");
}

#[test]
fn a_critic_only_reads_and_nobody_else_grades() {
    let task = Task::Criticise(&NHEFS.computed);
    for (name, arguments) in [("trim", json!({"estimand": "ate"})), ("propose_spec", json!({"changes": []}))] {
        let error = NHEFS.call(Role::Critic, name, &arguments, task).expect_err(name);
        assert!(matches!(error, ToolError::NotAllowed { .. }), "{error}");
    }
    for role in [Role::Actor, Role::Host] {
        let error = NHEFS.call(role, "submit_critique", &json!({}), task).expect_err("only a critic");
        assert!(matches!(error, ToolError::NotAllowed { .. }), "{error}");
    }
    let preview = json!({"estimand": "ate", "preview": {"trim": 0.1}});
    let error = NHEFS.call(Role::Critic, "check_balance", &preview, task).expect_err("no preview");
    assert!(error.to_string().contains("what was run"), "{error}");
    assert!(NHEFS.call(Role::Critic, "check_balance", &json!({"estimand": "ate", "preview": null}), task).is_ok());
}

#[test]
fn a_critique_is_complete_or_comes_back_with_a_list() {
    let task = Task::Criticise(&NHEFS.computed);
    let grade = |key: &str| {
        json!({"requested": key, "credibility": "fully_satisfactory", "reason": "Balance and overlap are good.",
               "departs_from_ate": "It does not depart from it."})
    };
    let whole = json!({
        "blind_spots": ["Illness before quitting is not measured."],
        "alignment": "Plan and analysis agree.",
        "grades": [grade("ate"), grade("att"), grade("ato")],
        "trial_contrast": "Nobody was assigned at random.",
        "alternatives": ["Encourage quitting at random."],
        "remediations": [],
    });
    let answer = NHEFS.call(Role::Critic, "submit_critique", &whole, task).expect("complete");
    assert!(matches!(&answer, Answer::Criticised(_, opinion) if opinion.grades.len() == 3));
    heard(&answer);
    let mut lacking = whole.clone();
    lacking["blind_spots"] = json!([]);
    lacking["grades"] = json!([grade("ate"), grade("atc")]);
    let error = NHEFS.call(Role::Critic, "submit_critique", &lacking, task).expect_err("incomplete").to_string();
    for word in ["blind_spots", "no grade for `att`", "no grade for `ato`", "`atc` is not an estimand"] {
        assert!(error.contains(word), "{word}: {error}");
    }
    let broken = json!({"alignment": 3, "grade": []});
    let error = NHEFS.call(Role::Critic, "submit_critique", &broken, task).expect_err("broken").to_string();
    for word in ["blind_spots", "grades", "alternatives", "alignment", "grade"] {
        assert!(error.contains(word), "{word}: {error}");
    }
    let error = NHEFS.call(Role::Critic, "submit_critique", &whole, Task::Look).expect_err("not now");
    assert!(matches!(error, ToolError::NotAllowed { .. }), "{error}");
}

#[test]
fn playbooks_are_listed_and_read() {
    let listed = NHEFS.json("list_playbooks", &json!({}));
    let all = listed["playbooks"].as_array().expect("playbooks");
    let one = |name: &str| all.iter().find(|playbook| playbook["name"] == name).expect(name);
    assert_eq!(all.len(), 9);
    assert_eq!(one("trim-crump")["applies_now_to"], json!(["ate", "att", "ato"]));
    assert_eq!(one("trim-crump-optimal")["tried_on"], json!(["ate", "att", "ato"]));
    assert_eq!(one("failed-placebo")["advice_only"], true);
    let read = NHEFS.read("read_playbook", &json!({"name": "trim-crump"}));
    assert!(read.starts_with("<data label=\"read_playbook\">\n") && read.contains("## When"), "{read}");
    let error = NHEFS.read("read_playbook", &json!({"name": "trim-krump"}));
    assert!(error.contains("did you mean `trim-crump`?"), "{error}");
}

#[test]
fn wrong_calls_get_instructive_answers() {
    for (name, arguments, words) in [
        ("check_balanse", json!({}), "did you mean `check_balance`?"),
        ("check_balance", json!({}), "\"estimand\" is a required property"),
        ("check_balance", json!({"estimand": "atc"}), "it requests `ate`, `att`, `ato`"),
        ("check_balance", json!({"estimand": "ate", "priview": 1}), "priview"),
        ("check_balance", json!("{\"estimand\": ate"), "begin `{\"estimand\": ate`; send one JSON object"),
        ("check_balance", json!([1, 2]), "send one JSON object"),
        ("check_balance", json!({"estimand": "ate", "preview": {}}), "give one of `playbook`, `trim` and `add_terms`"),
        ("check_balance", json!({"estimand": "ate", "preview": {"trim": 0.7}}), "above 0 and below 0.5"),
        ("check_balance", json!({"estimand": "ate", "preview": {"trim": "0.1"}}), "at `preview.trim`"),
        ("describe_data", json!({"columns": ["wt82_71"]}), "columns"),
        ("trim", json!({"estimand": "ate", "alpha": 0.0}), "`alpha` is 0"),
        ("trim", json!({"estimand": "ate", "alpha": 0.49}), "has no design"),
        ("trim", json!({"estimand": "ate", "alpha": 0.499_999}), "thresholds are whole hundredths: 0.49"),
    ] {
        let error = NHEFS.read(name, &arguments);
        assert!(error.contains(words), "{name} {arguments}: {error}");
    }
    let large = json!({"estimand": "x".repeat(70_000)});
    assert!(NHEFS.read("check_balance", &large).contains("bytes, more than 65536"));
    assert!(NHEFS.read("check_balance", &json!("y".repeat(70_000))).contains("bytes, more than 65536"));
    assert!(
        NHEFS.call(Role::Actor, "describe_data", &json!("  "), Task::Draft).is_ok(),
        "no arguments, as some write it"
    );
}

fn anything() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        ".{0,20}",
        prop::sample::select(vec![
            "ate",
            "att",
            "c == a",
            "x^2",
            "x * flag",
            "c^2",
            "t",
            "y",
            "z",
            "x^9 * x^9",
            "trim-crump",
            "estimand",
            "`",
            "",
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0.0..0.5).prop_map(Value::from),
        text.prop_map(Value::String),
    ];
    let key = prop::sample::select(vec![
        "estimand",
        "preview",
        "playbook",
        "trim",
        "alpha",
        "add_terms",
        "changes",
        "reason",
        "name",
        "grades",
        "x",
    ]);
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((key.clone(), inner), 0..5)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Value>()),
        ]
    })
}

static SMALL: LazyLock<World> = LazyLock::new(|| {
    let level = |row: usize| ["a", "b", "c"][row % 3].to_owned();
    World::of(&data("t,y,c,x,flag,z", &level, &|row| row % 5 == 0), &plan("[c, x, flag]"), false)
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn no_arguments_make_a_tool_panic(arguments in anything(), nested in anything()) {
        let shaped = [
            arguments.clone(),
            json!({"estimand": "ate", "preview": arguments}),
            json!({"estimand": "ate", "preview": {"add_terms": [nested]}}),
            json!({"changes": [{"estimand": "ate", "reason": "r", "add_terms": [nested, "x^2"]}, arguments]}),
        ];
        for (name, arguments) in ACTOR.iter().chain(&CRITIC).flat_map(|name| shaped.iter().map(move |a| (name, a))) {
            for role in [Role::Actor, Role::Critic] {
                match SMALL.call(role, name, arguments, Task::Criticise(&SMALL.computed)) {
                    Ok(answer) => drop(heard(&answer)),
                    Err(ToolError::Fatal(error)) => prop_assert!(false, "{name}: {error}"),
                    Err(error) => prop_assert!(error.for_model(&SMALL.privacy).chars().count() < 4_100),
                }
            }
        }
    }
}
