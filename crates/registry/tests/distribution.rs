//! The registry does what the OCI distribution specification 1.1 says, and refuses in its words.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use axum::http::{Method, StatusCode};
use seaworthy_image::links::{DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use seaworthy_model::Digest;
use seaworthy_model::manifest::parse;
use seaworthy_model::release::{Provenance, RELEASE_FORMAT, Release, ReleaseBundle, ServiceRelease};
use seaworthy_registry::Limits;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use support::{READS, WRITES, World, manifest};

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn every_endpoint_wants_the_token_before_anything_else() {
    let world = World::new().await;
    let digest = Digest::of(b"x");
    let endpoints = [
        (Method::GET, "/v2/".to_owned()),
        (Method::GET, format!("/v2/a/blobs/{digest}")),
        (Method::HEAD, format!("/v2/a/blobs/{digest}")),
        (Method::DELETE, format!("/v2/a/blobs/{digest}")),
        (Method::POST, "/v2/a/blobs/uploads/".to_owned()),
        (Method::POST, format!("/v2/a/blobs/uploads/?mount={digest}&from=b")),
        (Method::GET, "/v2/a/blobs/uploads/0".to_owned()),
        (Method::PATCH, "/v2/a/blobs/uploads/0".to_owned()),
        (Method::PUT, format!("/v2/a/blobs/uploads/0?digest={digest}")),
        (Method::DELETE, "/v2/a/blobs/uploads/0".to_owned()),
        (Method::GET, "/v2/a/manifests/latest".to_owned()),
        (Method::HEAD, "/v2/a/manifests/latest".to_owned()),
        (Method::PUT, "/v2/a/manifests/latest".to_owned()),
        (Method::DELETE, "/v2/a/manifests/latest".to_owned()),
        (Method::GET, "/v2/a/tags/list".to_owned()),
        (Method::GET, format!("/v2/a/referrers/{digest}")),
        (Method::GET, "/anything/else".to_owned()),
    ];
    let wrong = ["Bearer wrong", "Basic d3JpdGVzOng=", "Bearer ", "Negotiate x", "Bearer writes-0123456788"];
    for (method, path) in &endpoints {
        let nobody = world.call_as_told(method.clone(), path, &[], b"").await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(nobody.header("www-authenticate"), "Basic realm=\"seaworthy\"");
        for credentials in wrong {
            let answered = world.call_as_told(method.clone(), path, &[("authorization", credentials)], b"").await;
            assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "{method} {path} {credentials}");
        }
        let right = world.call(method.clone(), path, &[], b"").await;
        assert_ne!(right.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        let reader = format!("Bearer {READS}");
        let reader = world.call_as_told(method.clone(), path, &[("authorization", &reader)], b"").await;
        let writes = !matches!(*method, Method::GET | Method::HEAD);
        assert_eq!(reader.status == StatusCode::FORBIDDEN, writes, "{method} {path}");
    }
    assert_eq!(world.call_as_told(Method::GET, "/v2/", &[], b"").await.refusal(), refusal(401, "UNAUTHORIZED"));
    let base = world.get("/v2/").await;
    assert_eq!((base.status, base.header("docker-distribution-api-version")), (StatusCode::OK, "registry/2.0"));
}

#[tokio::test]
async fn a_blob_comes_in_pieces_and_goes_out_in_ranges() {
    let world = World::new().await;
    let begun = world.call(Method::POST, "/v2/shop/web/blobs/uploads/", &[], b"").await;
    assert_eq!((begun.status, begun.header("range")), (StatusCode::ACCEPTED, "0-0"));
    let place = begun.header("location").to_owned();
    let first = world.call(Method::PATCH, &place, &[("content-range", "0-5")], b"hello ").await;
    assert_eq!((first.status, first.header("range")), (StatusCode::ACCEPTED, "0-5"));
    let early = world.call(Method::PATCH, &place, &[("content-range", "9-10")], b"xx").await;
    assert_eq!(early.refusal(), refusal(416, "BLOB_UPLOAD_INVALID"));
    let false_length = world.call(Method::PATCH, &place, &[("content-range", "6-10")], b"xx").await;
    assert_eq!(false_length.refusal(), refusal(400, "SIZE_INVALID"));
    let odd = world.call(Method::PATCH, &place, &[("content-range", "six")], b"xx").await;
    assert_eq!(odd.refusal(), refusal(416, "BLOB_UPLOAD_INVALID"));
    // Killed and started again, the upload stands where it stood.
    let world = world.again().await;
    let status = world.get(&place).await;
    assert_eq!((status.status, status.header("range")), (StatusCode::NO_CONTENT, "0-5"));
    world.call(Method::PATCH, &place, &[("content-range", "6-8")], b"wor").await;
    let digest = Digest::of(b"hello world");
    let done = world.call(Method::PUT, &format!("{place}?digest={digest}"), &[], b"ld").await;
    assert_eq!(done.status, StatusCode::CREATED);
    let blob = done.header("location").to_owned();
    assert_eq!(blob, format!("/v2/shop/web/blobs/{digest}"));
    assert_eq!(world.get(&place).await.refusal(), refusal(404, "BLOB_UPLOAD_UNKNOWN"));

    let whole = world.get(&blob).await;
    assert_eq!((whole.status, &whole.body[..]), (StatusCode::OK, &b"hello world"[..]));
    assert_eq!(whole.header("docker-content-digest"), digest.to_string());
    let head = world.call(Method::HEAD, &blob, &[], b"").await;
    assert_eq!((head.header("content-length"), head.header("accept-ranges")), ("11", "bytes"));
    assert!(head.body.is_empty());
    let part = world.call(Method::GET, &blob, &[("range", "bytes=6-99")], b"").await;
    assert_eq!((part.status, &part.body[..]), (StatusCode::PARTIAL_CONTENT, &b"world"[..]));
    assert_eq!((part.header("content-range"), part.header("content-length")), ("bytes 6-10/11", "5"));
    let beyond = world.call(Method::GET, &blob, &[("range", "bytes=11-")], b"").await;
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, "bytes */11"));
    let other = world.call(Method::GET, &blob, &[("range", "bytes=0-1"), ("if-range", "\"x\"")], b"").await;
    assert_eq!((other.status, other.body.len()), (StatusCode::OK, 11));
}

#[tokio::test]
async fn blobs_are_refused_mounted_and_forgotten_as_the_specification_says() {
    let world = World::new().await;
    let absent = Digest::of(b"absent");
    assert_eq!(world.get(&format!("/v2/a/blobs/{absent}")).await.refusal(), refusal(404, "BLOB_UNKNOWN"));
    assert_eq!(world.get("/v2/a/blobs/sha256:12").await.refusal(), refusal(400, "DIGEST_INVALID"));
    assert_eq!(world.get(&format!("/v2/A/blobs/{absent}")).await.refusal(), refusal(400, "NAME_INVALID"));
    let wrong = world.call(Method::POST, &format!("/v2/a/blobs/uploads/?digest={absent}"), &[], b"other").await;
    assert_eq!(wrong.refusal(), refusal(400, "DIGEST_INVALID"));
    assert!(!world.blobs.contains(&absent) && !world.blobs.contains(&Digest::of(b"other")));
    let digest = world.push_blob("a", b"there").await;
    let mount = |digest: &Digest| format!("/v2/b/blobs/uploads/?mount={digest}&from=a");
    let mounted = world.call(Method::POST, &mount(&digest), &[], b"").await;
    let location = format!("/v2/b/blobs/{digest}");
    assert_eq!((mounted.status, mounted.header("location")), (StatusCode::CREATED, location.as_str()));
    // What cannot be mounted becomes an upload, which can be cancelled, once.
    let begun = world.call(Method::POST, &mount(&absent), &[], b"").await;
    assert_eq!(begun.status, StatusCode::ACCEPTED);
    let place = begun.header("location").to_owned();
    assert_eq!(world.call(Method::PUT, &place, &[], b"x").await.refusal(), refusal(400, "DIGEST_INVALID"));
    assert_eq!(world.call(Method::DELETE, &place, &[], b"").await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.call(Method::DELETE, &place, &[], b"").await.refusal(), refusal(404, "BLOB_UPLOAD_UNKNOWN"));
    let delete = world.call(Method::DELETE, &location, &[], b"").await;
    assert_eq!(delete.refusal(), refusal(405, "UNSUPPORTED"));
}

#[tokio::test]
async fn manifests_are_checked_kept_as_they_came_and_deleted() {
    let world = World::new().await;
    let lacking = world.put_manifest("shop/web", "one", &manifest(b"layer", json!({}))).await;
    assert_eq!(lacking.refusal(), refusal(404, "MANIFEST_BLOB_UNKNOWN"));
    let (digest, bytes) = world.push_image("shop/web", Some("one"), b"layer").await;
    for reference in ["one".to_owned(), digest.to_string()] {
        let found = world.get(&format!("/v2/shop/web/manifests/{reference}")).await;
        assert_eq!((&found.body[..], found.header("content-type")), (&bytes[..], OCI_MANIFEST));
        let head = world.call(Method::HEAD, &format!("/v2/shop/web/manifests/{reference}"), &[], b"").await;
        assert_eq!(head.header("content-length"), bytes.len().to_string());
        assert_eq!(head.header("docker-content-digest"), digest.to_string());
    }
    // Another repository has not got it, although the bytes are here.
    let elsewhere = world.get(&format!("/v2/shop/api/manifests/{digest}")).await;
    assert_eq!(elsewhere.refusal(), refusal(404, "MANIFEST_UNKNOWN"));
    let put = |reference: &str, kind: &'static str, bytes: Vec<u8>| {
        let path = format!("/v2/shop/web/manifests/{reference}");
        let world = &world;
        async move { world.call(Method::PUT, &path, &[("content-type", kind)], &bytes).await.refusal() }
    };
    assert_eq!(put("x", DOCKER_MANIFEST, bytes.clone()).await, refusal(400, "MANIFEST_INVALID"));
    assert_eq!(put("x", "text/plain", bytes.clone()).await, refusal(400, "MANIFEST_INVALID"));
    assert_eq!(put("x", OCI_MANIFEST, b"{}".to_vec()).await, refusal(400, "MANIFEST_INVALID"));
    assert_eq!(put(".x", OCI_MANIFEST, bytes.clone()).await, refusal(400, "MANIFEST_INVALID"));
    assert_eq!(put(&Digest::of(b"y").to_string(), OCI_MANIFEST, bytes).await, refusal(400, "DIGEST_INVALID"));
    assert_eq!(put("x", OCI_MANIFEST, vec![b' '; 4 * 1024 * 1024 + 1]).await, refusal(413, "SIZE_INVALID"));

    let delete = |reference: String| {
        let world = &world;
        async move { world.call(Method::DELETE, &format!("/v2/shop/web/manifests/{reference}"), &[], b"").await.status }
    };
    assert_eq!(delete("one".into()).await, StatusCode::ACCEPTED);
    assert_eq!(world.get("/v2/shop/web/manifests/one").await.refusal(), refusal(404, "MANIFEST_UNKNOWN"));
    assert_eq!(world.get(&format!("/v2/shop/web/manifests/{digest}")).await.status, StatusCode::OK);
    assert_eq!(delete(digest.to_string()).await, StatusCode::ACCEPTED);
    assert_eq!(delete(digest.to_string()).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_index_wants_its_manifests_first() {
    let world = World::new().await;
    let bytes = manifest(b"layer", json!({}));
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [
        { "mediaType": OCI_MANIFEST, "digest": Digest::of(&bytes), "size": bytes.len() }] });
    let put = || world.call(Method::PUT, "/v2/a/manifests/all", &[("content-type", OCI_INDEX)], b"");
    assert_eq!(put().await.refusal(), refusal(400, "MANIFEST_INVALID"));
    let index = index.to_string().into_bytes();
    let put = || world.call(Method::PUT, "/v2/a/manifests/all", &[("content-type", OCI_INDEX)], &index);
    assert_eq!(put().await.refusal(), refusal(404, "MANIFEST_UNKNOWN"));
    world.push_image("a", None, b"layer").await;
    assert_eq!(put().await.status, StatusCode::CREATED);
    assert_eq!(world.get("/v2/a/manifests/all").await.header("content-type"), OCI_INDEX);
}

#[tokio::test]
async fn tags_come_in_order_and_in_pages() {
    let world = World::new().await;
    assert_eq!(world.get("/v2/shop/web/tags/list").await.refusal(), refusal(404, "NAME_UNKNOWN"));
    for tag in ["b", "a", "C", "d"] {
        world.push_image("shop/web", Some(tag), tag.as_bytes()).await;
    }
    let list = world.get("/v2/shop/web/tags/list").await;
    assert_eq!(list.json(), json!({ "name": "shop/web", "tags": ["C", "a", "b", "d"] }));
    let first = world.get("/v2/shop/web/tags/list?n=3").await;
    assert_eq!(first.json()["tags"], json!(["C", "a", "b"]));
    let next = first.header("link").trim_start_matches('<').split('>').next().unwrap().to_owned();
    let second = world.get(&next).await;
    assert_eq!((second.json()["tags"].clone(), second.header("link")), (json!(["d"]), ""));
    assert_eq!(world.get("/v2/shop/web/tags/list?n=0").await.json()["tags"], json!([]));
    assert_eq!(world.get("/v2/shop/web/tags/list?n=x").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_about_an_image_is_found_and_filtered() {
    let world = World::new().await;
    let (image, bytes) = world.push_image("a", Some("one"), b"layer").await;
    let none = world.get(&format!("/v2/a/referrers/{image}")).await;
    assert_eq!((none.header("content-type"), none.json()["manifests"].clone()), (OCI_INDEX, json!([])));
    let subject = json!({ "mediaType": OCI_MANIFEST, "digest": image, "size": bytes.len() });
    let more = json!({ "subject": subject, "artifactType": "application/sbom", "annotations": { "k": "v" } });
    let (sbom, sbom_bytes) = world.push_manifest("a", None, b"sbom", more).await;
    let (other, _) = world.push_manifest("a", None, b"other", json!({ "subject": subject })).await;
    let all = world.get(&format!("/v2/a/referrers/{image}")).await.json();
    let mut digests: Vec<&str> =
        all["manifests"].as_array().unwrap().iter().map(|found| found["digest"].as_str().unwrap()).collect();
    digests.sort_unstable();
    let mut expected = [sbom.to_string(), other.to_string()];
    expected.sort();
    assert_eq!(digests, expected);
    let some = world.get(&format!("/v2/a/referrers/{image}?artifactType=application%2Fsbom")).await;
    assert_eq!(some.header("oci-filters-applied"), "artifactType");
    assert_eq!(
        some.json()["manifests"],
        json!([{ "mediaType": OCI_MANIFEST, "digest": sbom, "size": sbom_bytes.len(),
                 "artifactType": "application/sbom", "annotations": { "k": "v" } }])
    );
    let bytes = manifest(b"sbom", json!({ "subject": subject }));
    let put = world.put_manifest("a", &Digest::of(&bytes).to_string(), &bytes).await;
    assert_eq!(put.header("oci-subject"), image.to_string());
}

#[tokio::test]
async fn images_of_releases_are_there_by_their_short_names_and_stay_as_they_are() {
    let world = World::new().await;
    let (image, bytes) = world.push_image("elsewhere", None, b"layer").await;
    let subject = json!({ "mediaType": OCI_MANIFEST, "digest": image, "size": bytes.len() });
    let more = json!({ "subject": subject, "artifactType": "application/sbom" });
    let (materials, materials_bytes) = world.push_manifest("elsewhere", None, b"materials", more).await;
    let service = parse("m", "app = \"shop\"\n[services.web]\nrun = [\"a\"]\n").unwrap().services;
    let services = service
        .into_iter()
        .map(|(name, service)| {
            (name, ServiceRelease { image: image.clone(), service: service.service, checks: Vec::new(), origin: None })
        })
        .collect();
    let app = seaworthy_model::Name::new("shop").unwrap();
    let release = Release { format: RELEASE_FORMAT, app, services, routes: BTreeMap::new(), jobs: BTreeMap::new() };
    let provenance = Provenance {
        commit: None,
        dirty: false,
        unlocked: false,
        folder: None,
        source: "here".into(),
        built_at: String::new(),
        platform: String::new(),
    };
    let release = world
        .store
        .put_release(&ReleaseBundle {
            attachments: BTreeMap::from([(seaworthy_model::Name::new("web").unwrap(), vec![materials.clone()])]),
            gates: Default::default(),
            checked: None,
            tested: false,
            release,
            environments: BTreeMap::new(),
            provenance,
        })
        .unwrap();
    world.push_image("shop/web", Some("aaaa"), b"pushed").await;
    let tags = world.get("/v2/shop/web/tags/list").await.json();
    let mut expected = ["aaaa", release.short()];
    expected.sort_unstable();
    assert_eq!(tags["tags"], json!(expected));
    for reference in [release.short().to_owned(), image.to_string()] {
        let path = format!("/v2/shop/web/manifests/{reference}");
        let found = world.get(&path).await;
        assert_eq!((&found.body[..], found.header("content-type")), (&bytes[..], OCI_MANIFEST));
        assert_eq!(world.call(Method::DELETE, &path, &[], b"").await.refusal(), refusal(403, "DENIED"));
    }
    assert_eq!(world.put_manifest("shop/web", release.short(), &bytes).await.refusal(), refusal(403, "DENIED"));
    // What a release says of its image is found from the image on, and stays, too.
    let attached = world.get(&format!("/v2/shop/web/referrers/{image}")).await.json();
    assert_eq!(
        attached["manifests"],
        json!([{ "mediaType": OCI_MANIFEST, "digest": materials, "size": materials_bytes.len(),
                 "artifactType": "application/sbom" }])
    );
    let path = format!("/v2/shop/web/manifests/{materials}");
    assert_eq!(world.get(&path).await.body, materials_bytes);
    assert_eq!(world.call(Method::DELETE, &path, &[], b"").await.refusal(), refusal(403, "DENIED"));
    assert_eq!(world.get("/v2/shop/web/manifests/latest").await.refusal(), refusal(404, "MANIFEST_UNKNOWN"));
}

#[tokio::test]
async fn there_is_a_limit_to_bodies_uploads_and_patience() {
    let limits = Limits { blob_bytes_max: 10, pause_max: Duration::from_millis(50), ..Limits::default() };
    let world = World::with(limits).await;
    let digest = Digest::of(b"0123456789a");
    let long = world.call(Method::POST, &format!("/v2/a/blobs/uploads/?digest={digest}"), &[], b"0123456789a").await;
    assert_eq!(long.refusal(), refusal(413, "SIZE_INVALID"));
    world.push_blob("a", b"0123456789").await;
    let mut places = Vec::new();
    let too_many = loop {
        let begun = world.call(Method::POST, "/v2/a/blobs/uploads/", &[], b"").await;
        if begun.status != StatusCode::ACCEPTED {
            break begun;
        }
        places.push(begun.header("location").to_owned());
    };
    assert_eq!((too_many.refusal(), places.len()), (refusal(429, "TOOMANYREQUESTS"), 64));
    // A sender that stops in the middle is not waited for, and what it sent is there.
    let mut stream = std::net::TcpStream::connect(world.address).unwrap();
    let head = format!(
        "PATCH {} HTTP/1.1\r\nhost: r\r\nauthorization: Bearer {WRITES}\r\ncontent-length: 8\r\n\r\n0123",
        places[0]
    );
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    let answered = tokio::task::spawn_blocking(move || {
        let mut answer = [0; 12];
        std::io::Read::read_exact(&mut stream, &mut answer).map(|()| answer)
    });
    assert_eq!(&answered.await.unwrap().unwrap(), b"HTTP/1.1 400");
    assert_eq!(world.get(&places[0]).await.header("range"), "0-3");
}

#[tokio::test]
async fn paths_that_are_none_are_refused_without_harm() {
    let world = World::new().await;
    for path in ["/v2/a", "/v2/_catalog", "/v1/", "/v2/a/blobs/uploads/../../x", "/v2/%2e%2e/manifests/x"] {
        let answered = world.get(path).await;
        assert!(answered.status.is_client_error(), "{path}: {}", answered.status);
    }
    let odd = world.call(Method::OPTIONS, "/v2/", &[], b"").await;
    assert_eq!(odd.refusal(), refusal(405, "UNSUPPORTED"));
}
