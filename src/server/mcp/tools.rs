//! The tools, as the SDK asks for them and calls them.

use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};

use crate::api::cost::READING;
use crate::api::{Kind, Operation, Problem, openapi};
use crate::server::answer::Answer;
use crate::server::endpoint::Endpoint;
use crate::server::metrics::Cancellation;
use crate::server::request_id;
use crate::server::service::{Service, VERSION};

use super::call::Call;
use super::result;

/// The operations that are tools, by the last segments of their paths.
const NAMES: [&str; 5] = ["gradient", "evaluate", "train", "fit", "draw"];

/// What an assistant is told of all of them.
const INSTRUCTIONS: &str = "\
    gradd computes; use it wherever a number should not be guessed. `gradient` gives exact derivatives of a formula, a graph or \
    a small neural network, `evaluate` its values, `fit` the least-squares parameters of a model with their standard errors, \
    `train` runs an optimizer, `draw` gives the computation graph as SVG. A formula is text such as \
    {\"expression\": \"a*exp(-k*t)\", \"inputs\": {\"a\": 2, \"k\": 0.5, \"t\": [0, 1, 2]}}; an error names the place in the \
    arguments and the remedy, so mend the call and repeat it.";

/// Bytes of an answer that are turned into a result so quickly that it may be done on an async thread.
const QUICKLY_READ: usize = 1 << 15;

/// The tools of a service.
#[derive(Clone)]
pub struct Tools {
    service: Arc<Service>,
    tools: Arc<[(Tool, Operation)]>,
}

impl Tools {
    /// Those of `operations` that are tools, computed by `service`.
    pub fn new(service: &Arc<Service>, operations: &[Endpoint]) -> Self {
        let tools = openapi::tools::tools(&NAMES).into_iter().filter_map(|tool| {
            let path = format!("/v1/{}", tool.name);
            let endpoint = operations.iter().find(|endpoint| endpoint.path == path)?;
            Some((described(tool), endpoint.operation))
        });
        Self { service: Arc::clone(service), tools: tools.collect() }
    }

    fn operation(&self, name: &str) -> Result<Operation, ErrorData> {
        let of_name = self.tools.iter().find(|(tool, _)| tool.name == name);
        of_name.map(|(_, operation)| *operation).ok_or_else(|| {
            let known: Vec<&str> = self.tools.iter().map(|(tool, _)| &*tool.name).collect();
            let message = format!("There is no tool {name:?}. There are: {}.", known.join(", "));
            ErrorData::invalid_params(message, None)
        })
    }

    /// The answer as a result, for which it takes room until it has been sent.
    async fn tell(&self, call: &Call, answer: Answer) -> Result<CallToolResult, Problem> {
        let mut room = None;
        // A tree of values with the texts of both takes as much as reading a body of this length.
        self.service.workers.memory().cover(&mut room, answer.body.len().saturating_mul(READING))?;
        call.keep(room);
        if answer.body.len() <= QUICKLY_READ {
            return Ok(result::of_answer(&answer));
        }
        let told = tokio::task::spawn_blocking(move || result::of_answer(&answer)).await;
        told.map_err(|_| Problem::new(Kind::INTERNAL, "The answer could not be written."))
    }
}

fn described(tool: openapi::tools::Tool) -> Tool {
    let hints = ToolAnnotations::with_title(&*tool.title).read_only(true).idempotent(true).open_world(false);
    Tool::new(tool.name, tool.description, tool.input).with_title(tool.title).with_annotations(hints)
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let gradd = Implementation::new(env!("CARGO_PKG_NAME"), VERSION).with_title("Gradients over HTTP");
        ServerConfig::new(capabilities).with_server_info(gradd).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.iter().map(|(tool, _)| tool.clone()).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let operation = self.operation(&request.name)?;
        let parts = context.extensions.get::<Parts>();
        let call = parts.and_then(|parts| parts.extensions.get::<Call>()).cloned();
        let call = call.ok_or_else(|| ErrorData::invalid_request("A call needs arguments.", None))?;
        let work = async {
            let answer = call.run(&self.service, operation).await?;
            self.tell(&call, answer).await
        };
        let outcome = tokio::select! {
            outcome = work => outcome,
            problem = self.service.drain.ended() => Err(problem),
            // Nobody waits for these two.
            () = call.cancelled() => {
                self.service.requests.cancelled(Cancellation::HangUp, 1);
                return Err(cancelled());
            }
            () = context.ct.cancelled() => return Err(cancelled()),
        };
        let result = outcome.unwrap_or_else(|problem| {
            self.service.requests.problem(problem.kind());
            call.account().problem(problem.kind());
            result::of_problem(&with_id(problem, parts))
        });
        Ok(result.into())
    }
}

fn cancelled() -> ErrorData {
    ErrorData::invalid_request("The client cancelled the call.", None)
}

/// The problem with the id of its request where a person needs it to find the log lines, as on every route.
fn with_id(problem: Problem, parts: Option<&Parts>) -> Problem {
    let id = parts.filter(|_| problem.status == Kind::INTERNAL.status);
    let request_id = id.and_then(|parts| request_id::of(&parts.headers));
    Problem { request_id: request_id.map(str::to_owned), ..problem }
}
