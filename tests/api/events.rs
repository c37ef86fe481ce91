//! Training as a stream of server-sent events, and runs that go on elsewhere.

use std::time::Duration;

use gradd::api::{self, Context, Kind, Problem, Reply};
use gradd::server::Settings;
use gradd::server::endpoint::Endpoint;
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::binary::Server;
use crate::helpers::{TestApp, client, eventually, problem, settings, within};

/// One event of a stream.
#[derive(Debug)]
struct Event {
    id: u64,
    name: String,
    data: Value,
}

/// The events of an answer as they come.
struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn open(client: &Client, url: String, request: &Value) -> Self {
        let request = client.post(url).header("accept", "text/event-stream").json(request);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        Self { response, text: String::new() }
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                        .map(str::trim_start)
                };
                // A comment has no fields.
                let Some(name) = field("event") else { continue };
                return Some(Event {
                    id: field("id").expect("an id").parse().expect("a number"),
                    name: name.to_owned(),
                    data: serde_json::from_str(field("data").expect("data")).expect("JSON"),
                });
            }
            let chunk = within(self.response.chunk()).await.expect("a chunk")?;
            self.text += std::str::from_utf8(&chunk).expect("UTF-8");
        }
    }

    async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// A regression that no number of steps finishes exactly.
fn request() -> Value {
    let x: Vec<Vec<f64>> = (0..64).map(|i| vec![f64::from(i) / 64.0, f64::from(i * 7 % 64) / 64.0]).collect();
    let y: Vec<[f64; 1]> = (0..64).map(|i| [(f64::from(i) / 9.0).sin()]).collect();
    json!({
        "mlp": {"inputs": 2, "layers": [{"units": 8, "activation": "tanh"}, {"units": 1}], "loss": "mse", "seed": 3},
        "data": {"x": x, "y": y},
        "optimizer": {"adam": {"learning_rate": 0.01}},
        "validation": {"fraction": 0.25},
        "batch_size": 16, "shuffle": true, "seed": 5, "steps": 100
    })
}

/// Times differ from run to run.
fn without_times(mut answer: Value) -> Value {
    answer.as_object_mut().expect("an object").remove("timing");
    answer
}

async fn answer(client: &Client, url: String, request: &Value) -> Value {
    let response = client.post(url).json(request).send().await.expect("an answer");
    let status = response.status();
    let answer: Value = response.json().await.expect("JSON");
    assert!(status.is_success(), "{answer}");
    answer
}

#[tokio::test]
async fn a_stream_tells_progress_and_ends_in_the_answer() {
    let app = TestApp::spawn().await;
    let mut request = request();
    let whole = answer(&app.client, app.url("/v1/train"), &request).await;
    request["checkpoint"] = json!({"steps": 40});
    let events = Stream::open(&app.client, app.url("/v1/train"), &request).await.rest().await;

    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names[0], "progress", "{names:?}");
    assert_eq!(names.iter().filter(|name| **name == "checkpoint").count(), 2, "{names:?}");
    assert!(events.iter().map(|event| event.id).eq(0..events.len() as u64), "{events:?}");
    let last = events.last().expect("an end");
    assert_eq!(last.name, "result");
    assert_eq!(without_times(last.data.clone()), without_times(whole));

    let progress = &events[0].data;
    assert_eq!(
        (&progress["step"], &progress["steps"], &progress["epoch"]),
        (&json!(1), &json!(100), &json!(1))
    );
    for member in ["loss", "learning_rate", "steps_per_second", "seconds_left"] {
        assert!(progress[member].as_f64().is_some_and(|number| number > 0.0), "{member}: {progress}");
    }
    let steps: Vec<&Value> =
        events.iter().filter(|e| e.name == "checkpoint").map(|e| &e.data["state"]["step"]).collect();
    assert_eq!(steps, [40, 80]);
}

#[tokio::test]
async fn what_is_wrong_from_the_start_is_a_plain_problem() {
    let app = TestApp::spawn().await;
    let post = |request: Value| {
        app.client.post(app.url("/v1/train")).header("accept", "text/event-stream").json(&request).send()
    };
    let mut wrong = request();
    wrong["optimizer"] = json!({"adan": {}});
    problem(post(wrong).await.expect("an answer"), Kind::INVALID_REQUEST).await;
    for checkpoint in
        [json!({"seconds": 0}), json!({"seconds": -1}), json!({"steps": 0}), json!({"seconds": 1e300})]
    {
        let mut wrong = request();
        wrong["checkpoint"] = checkpoint;
        let problem = problem(post(wrong).await.expect("an answer"), Kind::INVALID_REQUEST).await;
        let pointer = problem["errors"][0]["pointer"].as_str().expect("a pointer");
        assert!(pointer.starts_with("/checkpoint/"), "{problem}");
    }
    // Other operations have no events to tell.
    let response =
        app.client.post(app.url("/v1/gradient")).header("accept", "text/event-stream").json(&json!({}));
    problem(response.send().await.expect("an answer"), Kind::NOT_ACCEPTABLE).await;
}

#[tokio::test]
async fn a_run_that_diverges_ends_in_a_problem_with_its_last_state() {
    let app = TestApp::spawn().await;
    let request = json!({
        "expression": "(a*x - y)**2", "parameters": {"a": 1.0}, "data": {"x": [1.0, 2.0], "y": [1.0, 3.0]},
        "optimizer": {"sgd": {"learning_rate": 10.0}}, "steps": 10000, "checkpoint": {"steps": 10}
    });
    let events = Stream::open(&app.client, app.url("/v1/train"), &request).await.rest().await;
    let last = events.last().expect("an end");
    assert_eq!((last.name.as_str(), &last.data["type"]), ("problem", &json!("/problems/diverged")));
    assert!(last.data["state"]["step"].as_u64().is_some_and(|step| step > 10), "{}", last.data);
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_the_slot() {
    let app = TestApp::spawn().await;
    let mut request = request();
    request["steps"] = json!(1_000_000);
    request["optimizer"] = json!({"adam": {"learning_rate": 1e-9}});
    let mut stream = Stream::open(&app.client, app.url("/v1/train"), &request).await;
    assert_eq!(stream.next().await.expect("an event").name, "progress");
    assert_eq!(app.load().await, (1, 0));
    drop(stream);
    eventually(async || app.load().await == (0, 0)).await;
}

#[tokio::test]
async fn a_run_past_its_deadline_leaves_a_checkpoint_and_a_problem() {
    let settings = Settings { timeout: Duration::from_millis(700), ..settings() };
    let app = TestApp::spawn_real(settings).await;
    let mut request = request();
    request["steps"] = json!(1_000_000);
    request["optimizer"] = json!({"adam": {"learning_rate": 1e-9}});
    let events = Stream::open(&app.client, app.url("/v1/train"), &request).await.rest().await;
    let [.., checkpoint, end] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((checkpoint.name.as_str(), end.name.as_str()), ("checkpoint", "problem"));
    assert_eq!(end.data["type"], "/problems/deadline-exceeded");
    assert!(checkpoint.data["state"]["step"].as_u64().is_some_and(|step| step > 0));
}

/// The server is told to stop, and the run outlives its grace period: it ends in a checkpoint, from which another server goes
/// on to the bits of a run that was never cut.
#[tokio::test]
async fn a_run_that_outlives_the_grace_period_leaves_a_checkpoint_and_a_problem() {
    let grace = Duration::from_millis(300);
    let mut app = TestApp::spawn_real(Settings { grace, ..settings() }).await;
    let mut request = request();
    request["steps"] = json!(1_000_000);
    let mut stream = Stream::open(&app.client, app.url("/v1/train"), &request).await;
    assert_eq!(stream.next().await.expect("an event").name, "progress");
    app.shut_down();
    let events = stream.rest().await;
    app.stopped().await;
    let [.., checkpoint, end] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((checkpoint.name.as_str(), end.name.as_str()), ("checkpoint", "problem"), "{events:?}");
    assert_eq!(end.data["type"], "/problems/draining");
    let step = checkpoint.data["state"]["step"].as_u64().expect("a step");
    assert!(step > 1, "{step}");

    let other = TestApp::spawn().await;
    request["steps"] = json!(step + 5);
    let at_once = answer(&other.client, other.url("/v1/train"), &request).await;
    request["state"] = checkpoint.data["state"].clone();
    let resumed = answer(&other.client, other.url("/v1/train"), &request).await;
    assert_eq!(resumed["state"], at_once["state"]);
}

fn tell_and_panic(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    if body == b"late" {
        let events = context.events.as_ref().expect("events were asked for");
        assert!(events.tell(api::events::Event::new("progress", &json!({"step": 1}))));
    }
    panic!("on purpose");
}

#[tokio::test]
async fn a_panic_is_a_500_before_the_first_event_and_the_last_event_after_it() {
    let settings = Settings { compute_slots: 1, queue: 0, ..settings() };
    let app =
        TestApp::spawn_operations(settings, &[Endpoint::new("/v1/train", tell_and_panic).with_events()])
            .await;
    let ask = async |body: &'static str| {
        let request = app.post("/v1/train", body).header("accept", "text/event-stream");
        request.header("x-request-id", body).send().await.expect("an answer")
    };
    let early = problem(ask("early").await, Kind::INTERNAL).await;
    assert_eq!(early["request_id"], "early");

    app.wait_for_load(0, 0).await;
    let late = ask("late").await;
    assert_eq!(late.status(), 200);
    let events = Stream { response: late, text: String::new() }.rest().await;
    let [progress, end] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((progress.name.as_str(), end.name.as_str()), ("progress", "problem"));
    assert_eq!((&end.data["status"], &end.data["request_id"]), (&json!(500), &json!("late")));
    app.wait_for_load(0, 0).await;
}

/// 100 steps at once are 60 on one server, killed without warning, and 40 on another, to the last bit.
#[tokio::test]
async fn a_run_goes_on_after_kill_9_on_another_server() {
    let client = client().build().expect("a client");
    let other = Server::start(&[]);
    let recipes = [
        json!({"optimizer": {"sgd": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": true}},
               "schedule": {"cosine": {"t_max": 90}}}),
        json!({"optimizer": {"adam": {"amsgrad": true}}, "schedule": {"warm_up": {"steps": 20}, "exponential": {"gamma": 0.99}}}),
        json!({"optimizer": {"adamw": {"learning_rate": 0.01}}, "schedule": {"one_cycle": {"max_lr": 0.02, "total_steps": 200}}}),
        json!({"optimizer": {"rmsprop": {"momentum": 0.5, "centered": true}}, "schedule": {"step": {"step_size": 30}}}),
        json!({"optimizer": {"adagrad": {"learning_rate": 0.1}}, "schedule": {"reduce_on_plateau": {"patience": 1}}}),
        json!({"optimizer": {"lbfgs": {"line_search_fn": "strong_wolfe"}}, "batch_size": null, "shuffle": false}),
    ];
    for recipe in recipes {
        let mut request = request();
        for (name, value) in recipe.as_object().expect("an object") {
            request[name] = value.clone();
        }
        let at_once = answer(&client, format!("http://{}/v1/train", other.address), &request).await;

        let mut first = Server::start(&[]);
        let mut long = request.clone();
        long["checkpoint"] = json!({"steps": 60});
        let mut stream = Stream::open(&client, format!("http://{}/v1/train", first.address), &long).await;
        let state = loop {
            let event = stream.next().await.expect("a checkpoint before the end");
            if event.name == "checkpoint" {
                break event.data["state"].clone();
            }
        };
        first.signal("-KILL");
        first.exit();
        assert_eq!(state["step"], 60, "{recipe}");

        request["state"] = state;
        let resumed = answer(&client, format!("http://{}/v1/train", other.address), &request).await;
        assert_eq!(resumed["parameters"], at_once["parameters"], "{recipe}");
        assert_eq!(resumed["state"], at_once["state"], "{recipe}");
        assert_eq!(resumed["loss"], at_once["loss"], "{recipe}");
    }
}
