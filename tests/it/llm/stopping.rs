//! Ctrl-C, deadlines and time limits.
//!
//! Upper bounds of time are generous: a call looks up every 20 ms, and a loaded machine may let it sleep for longer. The
//! servers here would hold a call that does not look up for ten seconds and more.

use super::support::*;
use oci_agent::llm::{Limits, ModelError, Provider, connect};
use std::time::{Duration, Instant};

/// A stop is heard within 200 ms; the rest is for a machine with other work.
const SOON: Duration = Duration::from_secs(3);

fn drip(provider: Provider) -> Vec<Step> {
    vec![stream_head(), send(&begin(provider)), Step::Forever(words(provider, "x").into_bytes(), 20)]
}

fn silence() -> Vec<Step> {
    vec![Step::Wait(15_000)]
}

fn pause() -> Vec<Step> {
    plain(429, &["retry-after: 60"], "")
}

/// How long it takes from the moment of the stop until the call has returned.
fn stopped(provider: Provider, answer: Vec<Step>, stop: impl Fn(&mut Ear, Instant)) -> (ModelError, Duration) {
    let server = Server::start(vec![answer]);
    let mut model = model(provider, &server.url());
    let mut ear = Ear::default();
    let moment = Instant::now() + Duration::from_millis(150);
    stop(&mut ear, moment);
    let error = model.complete(&request(), &mut ear).unwrap_err();
    (error, moment.elapsed())
}

#[test]
fn cancelled_while_waiting_and_while_reading_and_between_attempts() {
    for provider in PROTOCOLS {
        for answer in [silence(), drip(provider), pause()] {
            let (error, late) = stopped(provider, answer, |ear, moment| ear.cancel_at = Some(moment));
            assert_eq!(error, ModelError::Cancelled);
            assert!(late < SOON, "{late:?} late");
        }
    }
}

#[test]
fn the_run_s_deadline() {
    for provider in PROTOCOLS {
        for answer in [silence(), drip(provider)] {
            let (error, late) = stopped(provider, answer, |ear, moment| ear.deadline = Some(moment));
            assert_eq!(error, ModelError::Deadline);
            assert!(late < SOON, "{late:?} late");
        }
    }
}

#[test]
fn a_call_that_is_cancelled_before_it_begins_sends_nothing() {
    let server = Server::start(vec![saying(PROTOCOLS[0], "Hi.")]);
    let mut ear = Ear { cancel_after_pieces: Some(0), ..Ear::default() };
    let error = model(PROTOCOLS[0], &server.url()).complete(&request(), &mut ear).unwrap_err();
    assert_eq!(error, ModelError::Cancelled);
    assert!(server.requests().is_empty());
}

#[test]
fn a_drip_ends_with_the_time_for_the_call() {
    for provider in PROTOCOLS {
        for answer in [drip(provider), silence()] {
            let server = Server::start(vec![answer]);
            let mut settings = settings(provider, &server.url());
            settings.limits = Limits { call: Duration::from_millis(300), ..limits() };
            let started = Instant::now();
            let error = connect(settings).unwrap().complete(&request(), &mut Ear::default()).unwrap_err();
            assert!(matches!(error, ModelError::Unavailable { .. }), "{error:?}");
            assert!(error.to_string().contains("was not done after 0.3 s"), "{error}");
            assert!(started.elapsed() < SOON);
            assert!(server.requests().len() <= 1, "it would take as long again");
        }
    }
}

/// The server is silent for a second and a half after the first piece. The piece is heard within milliseconds; that it
/// was heard half a second before the end leaves a second for a machine with other work, and a call that hands out its
/// text only at the end fails all the same.
#[test]
fn the_first_piece_is_heard_at_once() {
    let heard_before_the_end = |provider| {
        let answer = vec![
            stream_head(),
            send(&(begin(provider) + &words(provider, "First"))),
            Step::Wait(1500),
            send(&(words(provider, " and last.") + &end(provider, "end_turn"))),
        ];
        let (response, ear, _) = ask(provider, vec![answer]);
        let over = Instant::now();
        response.unwrap();
        assert_eq!(ear.text(), "First and last.");
        let (heard, piece) = &ear.pieces[0];
        assert_eq!(piece, "First");
        let before = over.duration_since(*heard);
        assert!(before >= Duration::from_millis(500), "heard only {before:?} before the end");
    };
    std::thread::scope(|scope| {
        for provider in PROTOCOLS {
            scope.spawn(move || heard_before_the_end(provider));
        }
    });
}

/// `[DONE]` never comes and the connection stays open: what is complete is not waited for any longer than a moment.
#[test]
fn a_complete_answer_is_not_kept_waiting_for_its_last_word() {
    let whole = begin(Provider::OpenAi) + &words(Provider::OpenAi, "Hi.") + &end(Provider::OpenAi, "stop");
    let open = vec![stream_head(), send(whole.strip_suffix("data: [DONE]\n\n").unwrap()), Step::Wait(60_000)];
    let server = Server::start(vec![open]);
    let mut settings = settings(Provider::OpenAi, &server.url());
    settings.limits.idle = Duration::from_millis(200);
    let mut ear = Ear::default();
    let response = connect(settings).unwrap().complete(&request(), &mut ear).unwrap();
    assert_eq!((response.blocks, ear.notes.len()), (vec![text("Hi.")], 0));
}
