//! Reads over HTTP: which catalogue they are about, and what caches may keep.

use super::*;

const IMMUTABLE: &str = "private, max-age=31536000, immutable";

/// A server whose tenant `acme` was renamed a minute after the beginning, and again a minute later.
async fn renamed() -> Server {
    let server = Server::begun().await;
    for name in ["Second", "Third"] {
        server.house.clock.advance(60);
        assert_eq!(server.put("/v1/tenants/acme", None, json!({"name": name})).await.status, 200);
    }
    server
}

#[tokio::test]
async fn a_resource_is_read_as_it_was() {
    let server = renamed().await;
    for (time, name, etag) in [
        ("2026-03-10T12:00:00Z", "acme", "\"2\""),
        ("2026-03-10T12:00:59.999999999Z", "acme", "\"2\""),
        ("2026-03-10T13:01:00%2B01:00", "Second", "\"5\""),
        ("2026-03-10T12:02:00Z", "Third", "\"6\""),
    ] {
        let answer = server.get(&format!("/v1/tenants/acme?as_of={time}")).await;
        assert_eq!((answer.status, answer.body["name"].as_str()), (200, Some(name)), "{time}");
        assert_eq!(answer.header("etag"), etag, "{time}");
    }
    assert_eq!(server.get("/v1/tenants/acme?as_of=2026-03-10T11:59:59Z").await.code(), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn only_what_can_never_change_is_kept_for_ever() {
    let server = renamed().await;
    for (path, kept) in [
        ("/v1/tenants/acme", ""),
        ("/v1/tenants", ""),
        ("/v1/plans/llm", ""),
        ("/v1/plans/llm/versions", ""),
        ("/v1/plans/llm/versions/1", IMMUTABLE),
        ("/v1/tenants/acme?as_of=2026-03-10T12:01:00Z", IMMUTABLE),
        ("/v1/tenants?as_of=2026-03-10T12:01:00Z", IMMUTABLE),
        ("/v1/skus?as_of=2026-03-10T12:01:00Z", IMMUTABLE),
        ("/v1/skus/llm.input?as_of=2026-03-10T12:01:00Z", IMMUTABLE),
        ("/v1/units?as_of=2026-03-10T12:01:00Z", IMMUTABLE),
        ("/v1/units/GB?as_of=2026-03-10T12:01:00Z", IMMUTABLE),
        ("/v1/contracts?as_of=2026-03-10T12:01:00Z", IMMUTABLE),
        ("/v1/plans?as_of=2026-03-10T12:01:00Z", IMMUTABLE),
        ("/v1/plans/llm?as_of=2026-03-10T12:01:00Z", IMMUTABLE),
        ("/v1/plans/llm/versions?as_of=2026-03-10T12:01:00Z", IMMUTABLE),
        // No later command closes this instant yet.
        ("/v1/tenants/acme?as_of=2026-03-10T12:02:00Z", ""),
        ("/v1/tenants?as_of=2026-03-10T12:02:00Z", ""),
        ("/v1/tenants/nobody?as_of=2026-03-10T12:01:00Z", ""),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("cache-control"), kept, "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn who_has_a_revision_gets_304_also_of_the_past() {
    let server = renamed().await;
    let ask = async |path: &str, tag: &str| {
        let request = Request::get(path).header("if-none-match", tag);
        server.send(request.body(Body::empty()).unwrap()).await
    };
    let past = "/v1/tenants/acme?as_of=2026-03-10T12:01:00Z";
    for (path, tag, status) in [
        (past, "\"5\"", 304),
        (past, "\"6\"", 200),
        (past, "\"1\", W/\"5\"", 304),
        ("/v1/tenants/acme", "\"6\"", 304),
        ("/v1/tenants/acme", "*", 304),
        ("/v1/plans/llm", "\"4\"", 304),
        ("/v1/plans/llm/versions/1", "\"4\"", 304),
        ("/v1/plans/llm/versions/1", "\"5\"", 200),
    ] {
        assert_eq!(ask(path, tag).await.status, status, "{path} {tag}");
    }
    assert_eq!(ask(past, "\"5\"").await.header("cache-control"), IMMUTABLE);
}

#[tokio::test]
async fn lists_of_the_past_are_cut_into_pages_of_the_past() {
    let server = Server::begun().await;
    for name in ["b", "c", "d"] {
        server.house.clock.advance(60);
        server.put(&format!("/v1/tenants/{name}"), None, json!({"name": name})).await;
    }
    let query = "/v1/tenants?as_of=2026-03-10T12:02:00Z&page_size=2";
    let first = server.get(query).await;
    let ids = |answer: &Answer| -> Vec<String> {
        let items = answer.body["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&first), ["acme", "b"]);
    assert_eq!(first.body["meta"]["catalog_offset"], "7", "the offset is that of the past");
    let token = first.body["next_page_token"].as_str().unwrap();
    let second = server.get(&format!("{query}&page_token={token}")).await;
    assert_eq!((ids(&second), &second.body["next_page_token"]), (vec!["c".to_owned()], &Value::Null));
    let present = server.get(&format!("/v1/tenants?page_size=2&page_token={token}")).await;
    assert_eq!(present.code(), (400, "INVALID_PAGE_TOKEN"), "a page of the past is none of the present");
}

#[tokio::test]
async fn versions_are_those_that_were_published_by_then() {
    let server = Server::begun().await;
    server.house.clock.advance(60);
    server.publish(None, &PLAN.replace("0.50", "0.60")).await;
    let numbers = async |path: &str| -> Vec<u64> {
        let answer = server.get(path).await;
        let items = answer.body["items"].as_array().unwrap();
        items.iter().map(|item| item["version"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers("/v1/plans/llm/versions").await, [1, 2]);
    assert_eq!(numbers("/v1/plans/llm/versions?as_of=2026-03-10T12:00:59Z").await, [1]);
    let newest = async |path: &str| server.get(path).await.body["newest_version"].clone();
    assert_eq!(newest("/v1/plans/llm").await, 2);
    assert_eq!(newest("/v1/plans/llm?as_of=2026-03-10T12:00:59Z").await, 1);
    let early = server.get("/v1/plans/llm/versions/2?as_of=2026-03-10T12:00:59Z").await;
    assert_eq!(early.code(), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn versions_go_on_where_their_page_ended() {
    let server = Server::begun().await;
    for price in ["0.60", "0.70", "0.80"] {
        server.publish(None, &PLAN.replace("0.50", price)).await;
    }
    let first = server.get("/v1/plans/llm/versions?page_size=3").await;
    let last = &first.body["items"][2];
    assert_eq!((last["version"].as_u64(), last["catalog_offset"].as_str()), (Some(3), Some("7")));
    assert_eq!(last["document"]["prices"][0]["price"], "0.7");
    let token = first.body["next_page_token"].as_str().unwrap();
    let second = server.get(&format!("/v1/plans/llm/versions?page_size=3&page_token={token}")).await;
    let items = second.body["items"].as_array().unwrap();
    assert_eq!((items.len(), items[0]["version"].as_u64()), (1, Some(4)));
    assert_eq!(server.get("/v1/plans/none/versions").await.code(), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn a_read_waits_for_the_offset_it_names_but_not_for_ever() {
    let server = Server::begun().await;
    assert_eq!(server.get("/v1/tenants/acme?catalog_offset=5").await.status, 200);
    let written = async {
        tokio::task::yield_now().await;
        server.house.submit(crate::fixture::tenant("globex")).await
    };
    let (read, _) = futures::join!(server.get("/v1/tenants/globex?catalog_offset=6"), written);
    assert_eq!(read.status, 200);
    tokio::time::pause();
    let late = server.get("/v1/tenants?catalog_offset=7").await;
    assert_eq!(late.code(), (400, "INVALID_ARGUMENT"));
    assert_eq!(late.body["errors"][0]["field"], "catalog_offset");
}

#[tokio::test]
async fn parameters_that_say_nothing_sensible_are_refused_by_name() {
    let server = Server::begun().await;
    for (path, field) in [
        ("/v1/tenants?as_of=yesterday", "as_of"),
        ("/v1/tenants?as_of=2026-03-10T12:00:01Z", "as_of"),
        ("/v1/tenants/acme?as_of=9999-12-31T23:59:59Z", "as_of"),
        ("/v1/tenants/acme?as_of=2026-03-10", "as_of"),
        ("/v1/skus/llm.input?as_of=", "as_of"),
        ("/v1/plans?as_of=2026-01-01T00:00:00Z&as_of=2026-01-01T00:00:00Z", "as_of"),
        ("/v1/tenants?catalog_offset=-1", "catalog_offset"),
        ("/v1/tenants?catalog_offset=18446744073709551616", "catalog_offset"),
        ("/v1/units?page_size=0", "page_size"),
        ("/v1/units?page_size=1001", "page_size"),
        ("/v1/contracts?pagesize=5", "pagesize"),
        ("/v1/plans/llm?page_size=5", "page_size"),
        ("/v1/plans/llm/versions?version=1", "version"),
        ("/v1/plans/llm/versions/one", "n"),
        ("/v1/plans/llm/versions/-1", "n"),
        ("/v1/plans/l%20m/versions/1", "plan"),
        ("/v1/plans/%FF/versions/1", "id"),
        ("/v1/units/%20", "unit"),
        ("/v1/skus/%FF", "id"),
    ] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.body["errors"][0]["field"].as_str()), (400, Some(field)), "{path}");
        assert!(answer.body["detail"].as_str().unwrap().starts_with(field), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn built_in_units_are_shown_and_stay_as_they_are() {
    let server = Server::begun().await;
    let list = server.get("/v1/units").await;
    let items = list.body["items"].as_array().unwrap();
    assert_eq!(items.len(), domain::unit::Units::built_in().iter().count());
    assert!(items.iter().all(|item| item["built_in"] == true && item["catalog_offset"] == "2"));
    let read = server.get("/v1/units/GiB").await;
    let shown = json!({"id": "GiB", "dimension": "data", "factor": "1073741824", "built_in": true, "catalog_offset": "2"});
    assert_eq!((read.status, read.header("etag"), &read.body), (200, "\"1\"", &shown));
    let same = json!({"dimension": "data", "factor": "1073741824"});
    for answer in [
        server.put("/v1/units/GiB", None, same.clone()).await,
        server.put("/v1/units/GiB", Some("\"1\""), same).await,
        server.delete("/v1/units/GiB").await,
    ] {
        assert_eq!(answer.code(), (400, "INVALID_ARGUMENT"));
        assert_eq!(answer.body["errors"][0]["field"], "unit");
        assert!(answer.body["detail"].as_str().unwrap().contains("GiB, which is built in"));
    }
    assert_eq!(
        server.get("/v1/units/GB.s").await.code(),
        (404, "NOT_FOUND"),
        "products are no units of the list"
    );
    assert_eq!(server.get("/v1/units?as_of=2026-03-10T11:59:59Z").await.body["items"], json!([]));
}
