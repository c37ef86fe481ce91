//! Middleware of two halves: what is done to a request on its way in, and to its answer on the way out.
//!
//! `axum::middleware::from_fn` lets one wait in between, and for that boxes and clones all that lies within it for every
//! request, which takes longer than a small computation.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http;
use axum::response::Response;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

/// The two halves.
pub trait Around: Clone {
    /// What the second half is told by the first. It is dropped where the client goes before there is an answer.
    type Kept;

    /// On the way in. An error is the answer, and what lies within does not hear of the request.
    fn before(&self, request: &mut Request) -> Result<Self::Kept, Response>;

    /// On the way out.
    fn after(kept: Self::Kept, response: Response) -> Response;
}

/// Puts `A` around a service.
#[derive(Clone, Copy, Debug)]
pub struct AroundLayer<A>(pub A);

impl<A: Around, S> Layer<S> for AroundLayer<A> {
    type Service = Surrounded<A, S>;

    fn layer(&self, within: S) -> Self::Service {
        Surrounded { around: self.0.clone(), within }
    }
}

/// A service with `A` around it.
#[derive(Clone, Copy, Debug)]
pub struct Surrounded<A, S> {
    around: A,
    within: S,
}

impl<A, S, B> Service<Request> for Surrounded<A, S>
where
    A: Around,
    S: Service<Request, Response = http::Response<B>, Error = Infallible>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering<A, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.within.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        match self.around.before(&mut request) {
            Ok(kept) => Answering::Within { answer: self.within.call(request), kept: Some(kept) },
            Err(answer) => Answering::Refused { answer: Some(answer) },
        }
    }
}

pin_project! {
    /// The answer to come.
    #[project = Projected]
    #[allow(missing_docs, reason = "the macro takes none for fields of variants")]
    pub enum Answering<A: Around, F> {
        /// From the first half.
        Refused { answer: Option<Response> },
        /// From within.
        Within { #[pin] answer: F, kept: Option<A::Kept> },
    }
}

impl<A, F, B> Future for Answering<A, F>
where
    A: Around,
    F: Future<Output = Result<http::Response<B>, Infallible>>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        const ONCE: &str = "an answer is given once";
        Poll::Ready(Ok(match self.project() {
            Projected::Refused { answer } => answer.take().expect(ONCE),
            Projected::Within { answer, kept } => {
                let Ok(response) = ready!(answer.poll(context));
                A::after(kept.take().expect(ONCE), response.map(Body::new))
            }
        }))
    }
}
