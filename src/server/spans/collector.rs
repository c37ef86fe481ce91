//! The address of a collector.

use std::fmt;
use std::str::FromStr;

use axum::http::Uri;
use axum::http::uri::Scheme;

/// Where collectors take spans, below their address.
const PATH: &str = "/v1/traces";

/// The address of a collector, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collector(Option<Uri>);

/// It is no address of a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit;

impl Collector {
    /// Where spans are posted, if there is a collector.
    pub fn traces(&self) -> Option<String> {
        self.0.as_ref().map(|_| format!("{}{PATH}", self.to_string().trim_end_matches('/')))
    }
}

impl FromStr for Collector {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address: Uri = text.parse().map_err(|_| Unfit)?;
        let authority = address.authority().ok_or(Unfit)?;
        let is_plain = address.scheme() == Some(&Scheme::HTTP) && address.query().is_none();
        let has_user = authority.as_str().contains('@');
        if is_plain && !has_user { Ok(Self(Some(address))) } else { Err(Unfit) }
    }
}

impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |address| address.fmt(f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_posted_below_the_address() {
        let traces = |text: &str| text.parse::<Collector>().expect("an address").traces();
        assert_eq!(traces(""), None);
        for address in ["http://collector:4318", "http://collector:4318/"] {
            assert_eq!(traces(address).as_deref(), Some("http://collector:4318/v1/traces"));
        }
        assert_eq!(traces("http://[::1]/otlp/").as_deref(), Some("http://[::1]/otlp/v1/traces"));
        for bad in
            ["collector:4318", "https://a", "grpc://a:4317", "http://", "/a", "http://u:p@a", "http://a?k=v"]
        {
            assert_eq!(bad.parse::<Collector>(), Err(Unfit), "{bad}");
        }
    }
}
