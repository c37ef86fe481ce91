//! How a client shows its API key.

use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};

const NAME: &str = "key";

/// Adds the key to the whole document, as one of two ways: a server may do without.
pub(super) fn add(document: &mut OpenApi) {
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key, where the server asks for one."))
        .build();
    document.components.get_or_insert_default().add_security_scheme(NAME, SecurityScheme::Http(scheme));
    document.security =
        Some(vec![SecurityRequirement::default(), SecurityRequirement::new::<_, [&str; 0], &str>(NAME, [])]);
}
