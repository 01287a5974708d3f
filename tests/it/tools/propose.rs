//! Everything that can be wrong with a proposal, each with its sentence; and what a right one becomes.

use super::fixtures::{NHEFS, REDACTED, World, data, plan};
use causal::estimand::Target;
use oci_agent::plan::Tool;
use oci_agent::tools::{Answer, Edit, Registry, Role, Task, edited};
use serde_json::{Value, json};

fn proposed(world: &World, changes: Value, task: Task<'_>) -> Result<Answer, String> {
    let called = world.call(Role::Actor, "propose_spec", &json!({"changes": changes}), task);
    called.map_err(|error| error.for_model(&world.privacy))
}

#[test]
fn each_problem_has_its_sentence() {
    let because = "overlap";
    let terms = |terms: &[&str]| json!({"estimand": "ate", "add_terms": terms, "reason": because});
    let playbook = |name: &str| json!({"estimand": "ate", "playbook": name, "reason": because});
    let many: Vec<String> = (0..21).map(|_| "age^3".to_owned()).collect();
    for (change, words) in [
        (json!({"estimand": "atc", "trim": 0.1, "reason": because}), "not an estimand that the plan requests"),
        (json!({"trim": 0.1, "reason": because}), "has no `estimand`"),
        (json!({"estimand": "ate", "reason": because}), "it names no change"),
        (json!({"estimand": "ate", "trim": 0.1, "playbook": "trim-crump", "reason": because}), "`playbook` and `trim`"),
        (json!({"estimand": "ate", "trim": 0.1}), "has no `reason`"),
        (json!({"estimand": "ate", "trim": 0.1, "reason": "  "}), "has no `reason`"),
        (json!({"estimand": "ate", "trim": 0.1, "reason": "x".repeat(2_001)}), "longer than 2000"),
        (json!({"estimand": "ate", "trim": 0.5, "reason": because}), "above 0 and below 0.5"),
        (json!({"estimand": "ate", "trim": -0.1, "reason": because}), "above 0 and below 0.5"),
        (playbook("trim-crunp"), "did you mean `trim-crump`?"),
        (playbook("failed-placebo"), "advice"),
        (playbook("trim-crump-optimal"), "was tried on the ATE already"),
        (playbook("switch-to-overlap-weights"), "these do: `trim-crump`"),
        (terms(&["age^^2"]), "is not a term"),
        (terms(&["height^2"]), "not among the plan's confounders"),
        (terms(&["agee"]), "did you mean `age`?"),
        (terms(&["qsmk * age"]), "is the treatment"),
        (terms(&["wt82_71"]), "is the outcome"),
        (terms(&["ht"]), "is a placebo outcome"),
        (terms(&["seqn^2"]), "names the unit"),
        (terms(&["education^2"]), "is a category"),
        (terms(&["education == 9"]), "fewer than 10 units"),
        (terms(&["age == 43.5"]), "fewer than 10 units"),
        (terms(&["age == 70 * education == 5"]), "fewer than 10 units"),
        (terms(&["education == 2 * education == 3"]), "fewer than 10 units apart"),
        (terms(&["age^2"]), "changes nothing"),
        (terms(&["age * age", "age"]), "changes nothing"),
        (terms(&["age^9 * wt71^9 * smokeyrs^9 * age^9 * age"]), "more than 4 factors"),
        (json!({"estimand": "ate", "add_terms": many, "reason": because}), "21 terms, more than the 20"),
    ] {
        let error = proposed(&NHEFS, json!([change]), Task::Revise).expect_err(words);
        assert!(error.contains(words), "{words}: {error}");
        assert!(error.contains("changes[0]"), "{error}");
    }
}

#[test]
fn all_problems_are_told_at_once_and_one_estimand_changes_once() {
    let changes = json!([
        {"estimand": "ate", "trim": 0.2, "reason": "overlap"},
        {"estimand": "ate", "trim": 0.25, "reason": "overlap"},
        {"estimand": "att", "add_terms": ["qsmk", "nonsense"], "reason": ""},
    ]);
    let error = proposed(&NHEFS, changes, Task::Revise).expect_err("three problems");
    for words in [
        "changes[1] (ate): `ate` is changed twice",
        "changes[2] (att): it has no `reason`",
        "is the treatment",
        "`nonsense`",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn a_draft_keeps_the_question() {
    for change in [
        json!({"estimand": "ate", "trim": 0.1, "reason": "r"}),
        json!({"estimand": "ate", "playbook": "trim-crump", "reason": "r"}),
        json!({"estimand": "ate", "playbook": "switch-to-overlap-weights", "reason": "r"}),
    ] {
        let error = proposed(&NHEFS, json!([change]), Task::Draft).expect_err("a draft");
        assert!(error.contains("wait until diagnostics call for them"), "{error}");
    }
    for change in [
        json!({"estimand": "ate", "playbook": "richer-propensity-terms", "reason": "r"}),
        json!({"estimand": "ate", "add_terms": ["age * sex == 1"], "reason": "r"}),
    ] {
        proposed(&NHEFS, json!([change]), Task::Draft).expect("terms are welcome");
    }
}

#[test]
fn a_right_proposal_comes_back_in_the_plans_order() {
    let changes = json!([
        {"estimand": "ato", "add_terms": ["age*wt71 ", "sex==1*age"], "reason": " balance of age "},
        {"estimand": "ATE", "trim": 0.2, "playbook": null, "reason": "overlap.outside"},
    ]);
    let Ok(Answer::Proposed(reply, proposal)) = proposed(&NHEFS, changes, Task::Revise) else { panic!("accepted") };
    let requested: Vec<Target> = proposal.changes.iter().map(|change| change.requested).collect();
    assert_eq!(requested, [Target::Ate, Target::Ato]);
    let terms = vec!["age * wt71".to_owned(), "sex == 1 * age".to_owned()];
    assert_eq!(proposal.changes[1].edit, Edit::AddTerms { terms });
    assert_eq!(proposal.changes[1].reason, "balance of age");
    assert!(reply.operator.contains("trim 0.2"), "{}", reply.operator);
    for change in &proposal.changes {
        let base = NHEFS.prepared.draft.analyses.iter().find(|a| a.requested == change.requested).expect("analysis");
        let (analysis, sentence) = edited(&change.edit, base, &NHEFS.context(Task::Revise)).expect("it was accepted");
        assert!(analysis != *base && sentence.ends_with('.'));
    }
    let Ok(Answer::Proposed(_, none)) = proposed(&NHEFS, json!([]), Task::Revise) else { panic!("nothing to revise") };
    assert!(none.changes.is_empty());
}

#[test]
fn own_changes_are_tried_once_too() {
    let mut world = World::example("nhefs", false);
    world.tried.entry(Target::Ate).or_default().extend(["own trim 0.07".to_owned(), "own terms age * wt71".to_owned()]);
    for change in [
        json!({"estimand": "ate", "trim": 0.07, "reason": "r"}),
        json!({"estimand": "ate", "add_terms": ["age*wt71"], "reason": "r"}),
    ] {
        let error = proposed(&world, json!([change]), Task::Revise).expect_err("tried");
        assert!(error.contains("was tried on the ATE already"), "{error}");
    }
}

#[test]
fn aliases_are_names_when_they_come_back() {
    let x = |name: &str| REDACTED.privacy.outward(name);
    let term = format!("{} * {}", x("age"), x("wt71"));
    let change = json!([{"estimand": "ate", "add_terms": [term], "reason": format!("{} is off", x("age"))}]);
    let Ok(Answer::Proposed(reply, proposal)) = proposed(&REDACTED, change, Task::Revise) else { panic!("accepted") };
    assert_eq!(proposal.changes[0].edit, Edit::AddTerms { terms: vec!["age * wt71".to_owned()] });
    assert_eq!(proposal.changes[0].reason, "age is off");
    assert!(reply.model.contains(&term) && !reply.model.contains("age"), "{}", reply.model);
}

#[test]
fn a_plan_without_trimming_refuses_it_in_proposals_and_previews() {
    let level = |row: usize| ["a", "b"][row % 2].to_owned();
    let plan = plan("[c, x, flag]") + "tools: [propensity, balance, overlap, placebo, aipw]\n";
    let world = World::of(&data("t,y,c,x,flag,z", &level, &|row| row % 5 == 0), &plan, false);
    for change in [
        json!({"estimand": "ate", "trim": 0.1, "reason": "r"}),
        json!({"estimand": "ate", "playbook": "trim-crump", "reason": "r"}),
    ] {
        let error = proposed(&world, json!([change]), Task::Revise).expect_err("not allowed");
        assert!(error.contains("`tools:` list leaves out"), "{error}");
    }
    let preview = json!({"estimand": "ate", "preview": {"trim": 0.1}});
    assert!(world.read("check_balance", &preview).contains("`tools:` list leaves out"));
    // The plan's list holds even where a registry was made with a longer one.
    let error =
        Registry::new(Role::Host, &Tool::ALL).call("trim", &json!({"estimand": "ate"}), &world.context(Task::Look));
    assert!(error.expect_err("not allowed").to_string().contains("`trim`"));
}
