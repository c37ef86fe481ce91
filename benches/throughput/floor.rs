//! What the service could answer at most: bare axum handlers that read the same body and answer a constant, on the path
//! `/hop` by way of `spawn_blocking`, on `/inline` without that, and on `/constant` without reading the body either.
//!
//! Prints its address and serves until it is killed.

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use gradd::api::gradient::GradientRequest;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

const ANSWER: &str = r#"{"outputs":{"o":0.7071},"gradients":{"x1":-1.5,"x2":0.5,"w1":1.0,"w2":0.0,"b":0.5}}"#;

fn read(body: &[u8]) -> Response {
    match serde_json::from_slice::<GradientRequest<'_>>(body) {
        Ok(_) => ([(header::CONTENT_TYPE, "application/json")], ANSWER).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

#[tokio::main]
async fn main() {
    let hop = async |body: Bytes| spawn_blocking(move || read(&body)).await.expect("no panic");
    let router = Router::new()
        .route("/hop", post(hop))
        .route("/inline", post(async |body: Bytes| read(&body)))
        .route("/constant", post(async |_: Bytes| ([(header::CONTENT_TYPE, "application/json")], ANSWER)));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    axum::serve(listener, router).await.expect("served");
}
