//! Operations as tools of assistants, by the Model Context Protocol over streamable HTTP.
//!
//! The protocol is the SDK's. It sees every message without its bulk: [`message`] cuts the arguments of a tool out, which stay
//! bytes and take the path of a route's body, so that large ones are read on a worker, within the memory that is left, and
//! with every digit. [`exchange`] does that around the SDK; [`tools`] is whom the SDK asks for the tools and has call them,
//! and [`call`] what a call takes there past the SDK; [`result`] is how an answer or a problem is told.
//!
//! Nothing is kept between messages, so that any replica answers any of them. Only a call under way is known by the name of
//! its session and the id of its request ([`calls`]), for the notification that cancels it. Who closes the connection
//! cancels as well.

mod call;
mod calls;
mod exchange;
mod message;
mod result;
mod tools;

pub use exchange::{Exchange, SESSION};

/// Where messages are posted.
pub const PATH: &str = "/mcp";
