//! Whether the routes that are served and the routes that are documented are the same.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::routing::get;
use utoipa::openapi::OpenApi;

use ringyo::tower::Access;

use crate::app::App;
use crate::{api, dashboard};

#[tokio::test]
async fn what_is_served_is_documented_and_the_reverse() {
    let app = App::for_test().await;
    for (router, document) in [api::routes(&app), dashboard::routes(&app)] {
        let served = served(&router);
        assert_eq!(served, documented(&document));
        assert!(served.len() > 10, "{served:?}");

        // The control: one more that nobody has written about.
        let with_more = router.route("/more", get(async || ""));
        assert_eq!(
            &self::served(&with_more) - &served,
            BTreeSet::from(["get /more".to_owned()])
        );
    }

    // What is neither below `/v1` nor below `/dashboard`.
    let open = served(&crate::app::router(app));
    let expected = ["get /healthz", "get /metrics", "get /openapi.json"];
    assert_eq!(open, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn every_route_says_what_it_asks_of_a_key() {
    let (router, _) = api::routes(&App::for_test().await);
    let access = api::access();
    let split = |routes: BTreeSet<String>| -> Vec<(String, String)> {
        let routes = routes.iter().filter_map(|route| route.split_once(' '));
        let owned = |(method, path): (&str, &str)| (method.to_owned(), path.to_owned());
        routes.map(owned).collect()
    };
    let nothing: [&str; 0] = [];
    assert_eq!(access.undeclared(split(served(&router))), nothing);
    assert_eq!(access.unserved(split(served(&router))), nothing);

    // The controls: a route that says nothing, and one that is gone.
    let with_more = router.clone().route("/more", get(async || ""));
    assert_eq!(access.undeclared(split(served(&with_more))), ["GET /more"]);
    let with_more = access.get("/gone", Access::AnyKey);
    assert_eq!(with_more.unserved(split(served(&router))), ["GET /gone"]);
}

fn documented(document: &OpenApi) -> BTreeSet<String> {
    let document = serde_json::to_value(document).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods): (&String, &serde_json::Value)| {
        let methods = methods.as_object().unwrap().keys();
        methods
            .map(|method| format!("{method} {path}"))
            .collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

/// A router lists what it has in its `Debug` form and nowhere else: the methods of each route as
/// its `allow_header`, and in `paths` where each route is.
fn served(router: &Router) -> BTreeSet<String> {
    let text = format!("{router:?}");
    // Behind that are the fallbacks.
    let (text, _) = text.split_once("fallback_router:").unwrap();
    let (routes, paths) = text.split_once("paths:").unwrap();

    let mut methods = BTreeMap::new();
    for route in routes.split("RouteId(").skip(1) {
        let (id, route) = route.split_once(')').unwrap();
        // What is nested as a service has no methods of its own.
        if let Some((_, allowed)) = route.split_once("allow_header: Bytes(b\"") {
            methods.insert(id, allowed.split('"').next().unwrap());
        }
    }
    let mut served = BTreeSet::new();
    for place in paths.split("RouteId(").skip(1) {
        let (id, path) = place.split_once("): \"").unwrap();
        let path = path.split('"').next().unwrap();
        let methods = methods.get(id).into_iter().flat_map(|all| all.split(','));
        // Whatever has GET has HEAD as well.
        for method in methods.filter(|method| *method != "HEAD") {
            served.insert(format!("{} {path}", method.to_lowercase()));
        }
    }
    served
}
