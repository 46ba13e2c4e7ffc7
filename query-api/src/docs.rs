//! The description of the whole interface, and the pages that show it.

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

const DESCRIPTION: &str = "/openapi.json";

/// Serves the description at `/openapi.json` and Swagger UI at `/docs`, where `/` leads.
pub fn docs(openapi: OpenApi) -> Router {
    let swagger = SwaggerUi::new("/docs").url(DESCRIPTION, openapi).config(config());
    Router::new().route("/", get(|| async { Redirect::temporary("/docs/") })).merge(swagger)
}

/// The pages ask nobody else for anything; there is one description, so nothing to choose from.
fn config() -> Config<'static> {
    let config = Config::new([DESCRIPTION]).use_base_layout().validator_url("none");
    config.default_models_expand_depth(0).display_request_duration(true).try_it_out_enabled(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;
    use utoipa::openapi::{InfoBuilder, Paths};

    async fn ask(path: &str) -> (u16, String, String) {
        let openapi = OpenApi::new(InfoBuilder::new().title("pulse").version("1").build(), Paths::new());
        let response = docs(openapi).oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        let bytes = to_bytes(response.into_body(), 10_000_000).await.unwrap();
        (status, location.unwrap_or_default(), String::from_utf8_lossy(&bytes).into_owned())
    }

    #[tokio::test]
    async fn the_root_leads_to_the_pages_and_they_to_the_description() {
        assert_eq!(ask("/").await.1, "/docs/");
        let (status, _, page) = ask("/docs/").await;
        assert!(status == 200 && page.contains("swagger-ui"), "{page}");
        let (status, _, script) = ask("/docs/swagger-initializer.js").await;
        assert!(status == 200 && script.contains("\"/openapi.json\""), "{script}");
        assert!(script.contains("\"validatorUrl\": \"none\""), "{script}");
        let (status, _, text) = ask("/openapi.json").await;
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (status, value["openapi"].as_str(), value["info"]["title"].as_str()),
            (200, Some("3.1.0"), Some("pulse"))
        );
    }
}
