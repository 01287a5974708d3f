//! Every transition of a conversation, and of the loop with conversations in it: synchronous, without a model or data.

use super::table::*;
use causal::estimand::Target;
use oci_agent::agent::budget::{Budget, Price};
use oci_agent::agent::conversation::{Conversation, Ending, LONGEST, Next, Opening, ToolCall, ToolOutcome};
use oci_agent::agent::run::{Action, Event, LoopError, Run, Settled};
use oci_agent::finding::Tier;
use oci_agent::llm::{Block, ChatResponse, Choice, Ended, Message, Speaker, Usage};
use oci_agent::plan::BudgetSection;
use oci_agent::tools::{Proposal, Role};
use serde_json::json;

fn opening(role: Role) -> Opening {
    Opening {
        role,
        system: "system".into(),
        brief: "brief".into(),
        tools: vec![],
        final_tool: "propose_spec".into(),
        max_tokens: 100,
        repairs: 2,
        most_turns: 9,
        counts: true,
    }
}

fn says(blocks: Vec<Block>, ended: Ended) -> ChatResponse {
    let usage = Some(Usage { input: 100, output: 10, ..Usage::default() });
    ChatResponse { blocks, ended, usage, model: "m".into(), stop: None }
}

fn prose(text: &str) -> ChatResponse {
    says(vec![Block::Text { text: text.into() }], Ended::EndTurn)
}

fn calls(names: &[&str]) -> ChatResponse {
    let block =
        |(i, name): (usize, &&str)| Block::ToolUse { id: format!("id{i}"), name: (*name).into(), input: json!({}) };
    says(names.iter().enumerate().map(block).collect(), Ended::ToolUse)
}

fn outcome(call: &ToolCall, is_error: bool, end: Option<Ending>) -> ToolOutcome {
    let content = format!("result of {}", call.name);
    ToolOutcome { id: call.id.clone(), line: content.clone(), content, is_error, end }
}

fn due(conversation: &Conversation) -> Vec<ToolCall> {
    match conversation.next() {
        Next::CallTools(calls) => calls.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn run_all(conversation: &mut Conversation, is_error: bool) {
    let outcomes = due(conversation).iter().map(|call| outcome(call, is_error, None)).collect();
    assert!(conversation.ran(outcomes));
}

fn messages(conversation: &Conversation) -> (Vec<Message>, Choice) {
    match conversation.next() {
        Next::CallModel(request) => (request.messages, request.choice),
        other => panic!("{other:?}"),
    }
}

fn proposed() -> Option<Ending> {
    Some(Ending::Proposed(Proposal::default()))
}

#[test]
fn it_begins_by_asking_and_asking_changes_nothing() {
    let conversation = Conversation::new(opening(Role::Actor));
    let (said, choice) = messages(&conversation);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].speaker, Speaker::User);
    assert_eq!(choice, Choice::Auto);
    assert_eq!(conversation.next(), conversation.next());
}

#[test]
fn tools_run_in_order_and_their_results_go_back_under_their_ids() {
    let mut conversation = Conversation::new(opening(Role::Actor));
    assert!(conversation.answered(&calls(&["check_balance", "check_overlap"])));
    let names: Vec<String> = due(&conversation).into_iter().map(|call| call.name).collect();
    assert_eq!(names, ["check_balance", "check_overlap"]);
    run_all(&mut conversation, false);
    let (said, choice) = messages(&conversation);
    assert_eq!(said.iter().map(|m| m.speaker).collect::<Vec<_>>(), [Speaker::User, Speaker::Assistant, Speaker::User]);
    let ids: Vec<&str> = said[2]
        .blocks
        .iter()
        .map(|block| match block {
            Block::ToolResult { id, .. } => id.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, ["id0", "id1"]);
    assert_eq!(choice, Choice::Auto);
}

#[test]
fn answers_and_results_out_of_turn_are_refused_and_change_nothing() {
    let mut conversation = Conversation::new(opening(Role::Actor));
    assert!(!conversation.ran(vec![]));
    assert!(conversation.answered(&calls(&["a", "b"])));
    let before = conversation.clone();
    assert!(!conversation.answered(&prose("again")));
    let wrong = vec![outcome(&due(&conversation)[1], false, None), outcome(&due(&conversation)[0], false, None)];
    assert!(!conversation.ran(wrong), "another order");
    assert!(!conversation.ran(vec![outcome(&due(&conversation)[0], false, None)]), "one is missing");
    assert_eq!(conversation, before);
}

#[test]
fn ids_that_are_empty_or_repeated_are_made_unique() {
    let mut conversation = Conversation::new(opening(Role::Actor));
    let twice = |id: &str| Block::ToolUse { id: id.into(), name: "t".into(), input: json!({}) };
    assert!(conversation.answered(&says(vec![twice(""), twice("x"), twice("x")], Ended::ToolUse)));
    let mut ids: Vec<String> = due(&conversation).into_iter().map(|call| call.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    run_all(&mut conversation, false);
    // And over turns: a server that counts from zero in each answer.
    assert!(conversation.answered(&says(vec![twice("x")], Ended::ToolUse)));
    assert_ne!(due(&conversation)[0].id, "x");
}

#[test]
fn the_final_tool_ends_it() {
    let mut conversation = Conversation::new(opening(Role::Actor));
    assert!(conversation.answered(&calls(&["check_balance", "propose_spec"])));
    let due = due(&conversation);
    assert!(conversation.ran(vec![outcome(&due[0], false, None), outcome(&due[1], false, proposed())]));
    assert_eq!(conversation.next(), Next::Done(&proposed().unwrap()));
    assert!(!conversation.answered(&prose("more")));
}

#[test]
fn prose_nothing_a_refusal_and_a_cut_answer_are_sent_back_and_then_it_is_forced() {
    let answers = [
        prose("I think we should trim."),
        says(vec![], Ended::EndTurn),
        says(vec![Block::Text { text: "no".into() }], Ended::Refusal),
        says(vec![Block::Text { text: "the first of ma".into() }], Ended::MaxTokens),
        says(vec![], Ended::Other),
    ];
    for answer in answers {
        let mut conversation = Conversation::new(opening(Role::Actor));
        assert!(conversation.answered(&answer));
        let (said, choice) = messages(&conversation);
        assert_eq!(choice, Choice::Tool("propose_spec".into()));
        assert!(said.iter().all(|message| !message.blocks.is_empty()), "no message is empty: {said:?}");
        let last = format!("{:?}", said.last().unwrap());
        assert!(last.contains("propose_spec"), "{last}");
        assert_eq!(conversation.repaired(), 1);
    }
}

#[test]
fn so_many_repairs_in_a_row_end_it_and_a_good_call_in_between_does_not_count() {
    let mut conversation = Conversation::new(opening(Role::Actor));
    for _ in 0..2 {
        assert!(conversation.answered(&prose("hm")));
    }
    assert!(conversation.answered(&calls(&["check_balance"])));
    run_all(&mut conversation, false);
    for _ in 0..2 {
        assert!(conversation.answered(&calls(&["no_such_tool"])));
        run_all(&mut conversation, true);
    }
    assert!(matches!(conversation.next(), Next::CallModel(_)));
    assert!(conversation.answered(&prose("hm")));
    let Next::Done(Ending::GaveUp(why)) = conversation.next() else { panic!("{:?}", conversation.next()) };
    assert!(why.contains("3 times in a row") && why.contains("propose_spec"), "{why}");
    assert_eq!(conversation.repaired(), 5);
}

#[test]
fn tools_for_ever_are_forced_to_the_final_one_and_then_ended() {
    let mut conversation = Conversation::new(opening(Role::Actor));
    let mut forced = 0;
    for turn in 0.. {
        match conversation.next() {
            Next::CallModel(request) => forced += u32::from(request.choice != Choice::Auto),
            Next::Done(_) => {
                assert_eq!(turn, 9);
                break;
            }
            Next::CallTools(_) => unreachable!(),
        }
        assert!(conversation.answered(&calls(&["check_balance"])));
        run_all(&mut conversation, false);
    }
    assert_eq!(forced, 3);
    let Next::Done(Ending::GaveUp(why)) = conversation.next() else { panic!("{:?}", conversation.next()) };
    assert!(why.contains("9 times"), "{why}");
}

#[test]
fn a_long_conversation_stays_short_and_says_what_it_left_out() {
    let mut conversation = Conversation::new(Opening { most_turns: 1_000, ..opening(Role::Actor) });
    let mut longest = 0;
    for turn in 0..200 {
        assert!(conversation.answered(&calls(&["check_balance"])));
        let due = due(&conversation);
        let big =
            ToolOutcome { content: "x".repeat(7_000), line: format!("turn {turn}"), ..outcome(&due[0], false, None) };
        assert!(conversation.ran(vec![big]));
        let (said, _) = messages(&conversation);
        longest = longest.max(serde_json::to_string(&said).unwrap().len());
        // Speakers take turns, and every result still has its call.
        assert!(said.windows(2).all(|pair| pair[0].speaker != pair[1].speaker));
        assert_eq!(said[1].speaker, Speaker::Assistant);
    }
    assert!(longest < LONGEST + 12_000, "{longest}");
    let (said, _) = messages(&conversation);
    let summary = format!("{:?}", said[0]);
    assert!(summary.contains("check_balance: turn 190"), "{summary}");
    assert!(summary.contains("older lines are left out"), "{summary}");
    let state = serde_json::to_string(&conversation).unwrap();
    assert!(state.len() < 2 * LONGEST, "the state is as flat as the request: {}", state.len());
}

#[test]
fn it_can_be_stopped_from_outside_and_goes_through_json() {
    let mut conversation = Conversation::new(opening(Role::Critic));
    assert!(conversation.answered(&calls(&["check_balance"])));
    let again: Conversation = serde_json::from_str(&serde_json::to_string(&conversation).unwrap()).unwrap();
    assert_eq!(again, conversation);
    conversation.stop("the budget");
    assert_eq!(conversation.next(), Next::Done(&Ending::GaveUp("the budget".into())));
    conversation.stop("something later");
    assert_eq!(conversation.next(), Next::Done(&Ending::GaveUp("the budget".into())), "the first reason stays");
}

// The loop with conversations in it.

fn started() -> Run {
    Run::new(limits(4), &catalogue()).unwrap().within(budget(BudgetSection::default()))
}

fn budget(section: BudgetSection) -> Budget {
    Budget::new(&section, None, None)
}

fn briefed(run: &mut Run, role: Role) {
    run.advance(Event::Briefed(Box::new(opening(role)))).unwrap();
}

/// A conversation that proposes at once.
fn propose(run: &mut Run) {
    run.advance(Event::Answered(Box::new(calls(&["propose_spec"])))).unwrap();
    let Action::CallTools { calls, .. } = run.next() else { panic!("{:?}", run.next()) };
    run.advance(Event::ToolsRan(vec![outcome(&calls[0], false, proposed())])).unwrap();
}

fn give_up(run: &mut Run) {
    for _ in 0..3 {
        run.advance(Event::Answered(Box::new(prose("hm")))).unwrap();
    }
    assert!(matches!(run.next(), Action::Conclude { ending: Ending::GaveUp(_), .. }));
}

fn overlap_is_poor(_: u32, analysis: &oci_agent::spec::Analysis) -> Measured {
    Measured { outside: if analysis.estimand().name() == "ATE" { 0.5 } else { 0.01 }, ..CLEAN }
}

#[test]
fn a_draft_by_conversation() {
    let mut run = started();
    assert_eq!(run.next(), Action::Draft);
    briefed(&mut run, Role::Actor);
    assert!(matches!(run.next(), Action::CallModel { role: Role::Actor, .. }));
    // While a conversation goes on its decision cannot be taken.
    let early = run.advance(Event::Drafted(Box::new(draft(&[Target::Ate]))));
    assert!(matches!(early, Err(LoopError::Unexpected { action: "call_model", event: "drafted" })), "{early:?}");
    propose(&mut run);
    assert!(matches!(run.next(), Action::Conclude { role: Role::Actor, ending: Ending::Proposed(_) }));
    run.advance(Event::Drafted(Box::new(draft(&[Target::Ate])))).unwrap();
    assert!(matches!(run.next(), Action::Design { iteration: 1, .. }));
    assert_eq!(run.spent().actor.calls, 1);
    assert_eq!(run.spent().actor.tool_calls, 1);
    assert_eq!(run.spent().actor.input_tokens, 100);
    assert_eq!(run.shortfalls(), Vec::<String>::new());
}

#[test]
fn a_conversation_begins_only_where_something_is_decided_and_one_at_a_time() {
    let mut run = started();
    briefed(&mut run, Role::Actor);
    assert!(run.advance(Event::Briefed(Box::new(opening(Role::Actor)))).is_err());
    propose(&mut run);
    run.advance(Event::Drafted(Box::new(draft(&[Target::Ate])))).unwrap();
    let refused = run.advance(Event::Briefed(Box::new(opening(Role::Actor))));
    assert!(matches!(refused, Err(LoopError::Unexpected { action: "design", event: "briefed" })), "{refused:?}");
    for event in [Event::Answered(Box::new(prose("x"))), Event::ToolsRan(vec![]), Event::TimeOver] {
        assert!(run.advance(event).is_err(), "there is no conversation");
    }
}

/// To the point where the first design has been graded.
fn graded(run: &mut Run, world: World<'_>) {
    let spec = draft(&[Target::Ate]);
    run.advance(Event::Drafted(Box::new(spec.clone()))).unwrap();
    run.advance(Event::Designed(design(&spec, world))).unwrap();
    run.advance(Event::Criticised(Box::new(criticise(&spec, world)))).unwrap();
}

#[test]
fn a_model_that_gives_up_on_a_revision_settles_the_loop_and_costs_the_acceptance() {
    let mut run = started();
    graded(&mut run, &overlap_is_poor);
    briefed(&mut run, Role::Actor);
    give_up(&mut run);
    run.advance(Event::Revised(None)).unwrap();
    assert_eq!(run.settled(), Some(Settled::NothingToRevise));
    let said = run.shortfalls().join("\n");
    assert!(said.contains("actor") && said.contains("iteration 1") && said.contains("3 times in a row"), "{said}");
    assert_eq!(run.spent().actor.repairs, 3);
    run.advance(Event::Unblinded).unwrap();
    run.advance(Event::Reported(vec![(Target::Ate, Tier::FullySatisfactory)])).unwrap();
    assert_eq!(run.next(), Action::Done { accepted: false });
}

#[test]
fn a_final_critique_that_is_missing_costs_the_acceptance_and_one_that_is_there_does_not() {
    for missing in [true, false] {
        let mut run = started();
        graded(&mut run, &|_, _| CLEAN);
        run.advance(Event::Revised(None)).unwrap();
        run.advance(Event::Unblinded).unwrap();
        assert_eq!(run.next(), Action::Report);
        briefed(&mut run, Role::Critic);
        if missing {
            give_up(&mut run)
        } else {
            propose(&mut run)
        }
        run.advance(Event::Reported(vec![(Target::Ate, Tier::FullySatisfactory)])).unwrap();
        assert_eq!(run.next(), Action::Done { accepted: !missing });
    }
}

#[test]
fn each_budget_ends_the_conversation_settles_the_loop_and_costs_the_acceptance() {
    let price = Some(Price { input: 10_000.0, output: 0.0, cache_read: 0.0, cache_write: 0.0, long: None });
    let default = BudgetSection::default;
    let budgets = [
        ("budget.turns", Budget::new(&BudgetSection { turns: 2, ..default() }, None, None)),
        ("budget.tokens", Budget::new(&BudgetSection { tokens: 220, ..default() }, None, None)),
        ("budget.cost_usd", Budget::new(&BudgetSection { cost_usd: Some(2.0), ..default() }, price, None)),
    ];
    for (name, budget) in budgets {
        let mut run = Run::new(limits(4), &catalogue()).unwrap().within(budget);
        graded(&mut run, &overlap_is_poor);
        briefed(&mut run, Role::Actor);
        run.advance(Event::Answered(Box::new(prose("hm")))).unwrap();
        assert_eq!(run.stopped(), None, "{name}");
        run.advance(Event::Answered(Box::new(prose("hm")))).unwrap();
        assert!(run.stopped().is_some_and(|why| why.contains(name)), "{name}: {:?}", run.stopped());
        run.advance(Event::Revised(None)).unwrap();
        assert_eq!(run.settled(), Some(Settled::Budget));
        assert!(matches!(run.next(), Action::Unblind { .. }), "it ends with what it has");
        run.advance(Event::Unblinded).unwrap();
        assert!(run.advance(Event::Briefed(Box::new(opening(Role::Critic)))).is_err(), "nobody is asked any more");
        run.advance(Event::Reported(vec![(Target::Ate, Tier::FullySatisfactory)])).unwrap();
        assert_eq!(run.next(), Action::Done { accepted: false });
    }
}

#[test]
fn a_budget_that_is_reached_with_the_last_word_does_not_take_it_back() {
    let mut run = Run::new(limits(4), &catalogue())
        .unwrap()
        .within(budget(BudgetSection { turns: 1, ..BudgetSection::default() }));
    briefed(&mut run, Role::Actor);
    propose(&mut run);
    assert!(matches!(run.next(), Action::Conclude { ending: Ending::Proposed(_), .. }));
    assert_eq!(run.stopped(), None);
    // The next conversation ends before its first word.
    graded(&mut run, &overlap_is_poor);
    run.advance(Event::Briefed(Box::new(opening(Role::Actor)))).unwrap();
    assert!(matches!(run.next(), Action::Conclude { ending: Ending::GaveUp(_), .. }));
    assert!(run.stopped().is_some());
}

#[test]
fn time_that_is_over_and_revisions_that_are_used_up() {
    let mut run = started();
    graded(&mut run, &overlap_is_poor);
    briefed(&mut run, Role::Actor);
    run.advance(Event::TimeOver).unwrap();
    assert!(run.stopped().is_some_and(|why| why.contains("wall_minutes")));
    run.advance(Event::Revised(None)).unwrap();
    assert_eq!(run.settled(), Some(Settled::Budget));

    let section = BudgetSection { revisions: Some(0), ..BudgetSection::default() };
    let mut run = Run::new(limits(4), &catalogue()).unwrap().within(budget(section));
    graded(&mut run, &overlap_is_poor);
    assert!(run.stopped().is_some_and(|why| why.contains("budget.revisions")));
    assert_eq!(run.settled(), Some(Settled::Budget));
}

#[test]
fn the_engine_is_not_held_to_a_budget_of_answers() {
    let section = BudgetSection { turns: 1, ..BudgetSection::default() };
    let mut run = Run::new(limits(4), &catalogue()).unwrap().within(budget(section));
    for world in [&overlap_is_poor as World<'_>, &overlap_is_poor] {
        run.advance(Event::Briefed(Box::new(Opening { counts: false, ..opening(Role::Actor) }))).unwrap();
        propose(&mut run);
        if run.history().last().is_none() {
            graded(&mut run, world);
        }
    }
    assert_eq!((run.stopped(), run.spent().both().calls), (None, 0));
}

#[test]
fn a_server_that_does_not_count_is_counted_for() {
    let mut run = started();
    briefed(&mut run, Role::Actor);
    let answer = ChatResponse { usage: None, ..prose(&"word ".repeat(100)) };
    run.advance(Event::Answered(Box::new(answer))).unwrap();
    assert!(run.spent().actor.output_tokens > 100);
}

#[test]
fn the_whole_state_goes_through_json_in_the_middle_of_a_conversation() {
    let mut run = started();
    graded(&mut run, &overlap_is_poor);
    briefed(&mut run, Role::Actor);
    run.advance(Event::Answered(Box::new(calls(&["check_balance"])))).unwrap();
    let mut again: Run = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
    assert_eq!(again, run);
    let Action::CallTools { calls, .. } = again.next() else { panic!() };
    again.advance(Event::ToolsRan(vec![outcome(&calls[0], false, proposed())])).unwrap();
    run.advance(Event::ToolsRan(vec![outcome(&calls[0], false, proposed())])).unwrap();
    assert_eq!(again, run);
}
