//! Objects: whole or not at all, no larger than the reader can take, never outside of their place.

use wardroom_store::*;
use wardroom_testkit::bucket::{KEY, TestBucket};

fn bucket(place: &TestBucket) -> Bucket {
    Bucket {
        name: place.name.clone(),
        prefix: "crew".to_owned(),
        endpoint: Some(place.endpoint.clone()),
        region: "us-east-1".to_owned(),
        access_key_id: KEY.0.into(),
        secret_access_key: KEY.1.into(),
        session_token: None,
    }
}

#[tokio::test]
async fn objects_come_back_within_the_cap_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::open("file:objects", folder.path()).unwrap();
    come_back_within_the_cap(&objects).await;
    objects
        .put_at(&ObjectKey::named("a/b").unwrap(), "c".into())
        .await
        .unwrap();
    assert!(folder.path().join("objects/a/b").is_file());
}

#[tokio::test]
async fn objects_come_back_within_the_cap_from_a_bucket() {
    let place = TestBucket::fresh();
    let objects = Objects::bucket(&bucket(&place)).unwrap();
    objects.reach().await.unwrap();
    come_back_within_the_cap(&objects).await;
    let listing = place.listing();
    let digest = "f24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let named = format!("<Key>crew/sha256/2c/{}", &digest[..20]);
    assert!(listing.contains(&named), "{listing}");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_told_at_once_and_without_its_key() {
    let place = TestBucket::fresh();
    let missing = Bucket {
        name: "nobody-has-it".to_owned(),
        ..bucket(&place)
    };
    let nowhere = Bucket {
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        ..bucket(&place)
    };
    for bucket in [missing, nowhere] {
        let objects = Objects::bucket(&bucket).unwrap();
        let told = objects.reach().await.unwrap_err().to_string();
        assert!(
            told.starts_with("the object store failed while writing"),
            "{told}"
        );
        assert!(!told.contains(KEY.1), "{told}");
        assert!(!format!("{objects:?}{bucket:?}").contains(KEY.1));
    }
}

async fn come_back_within_the_cap(objects: &Objects) {
    let key = objects.put("hello".into()).await.unwrap();
    assert_eq!(
        objects.put("hello".into()).await.unwrap(),
        key,
        "the same bytes, the same key"
    );
    assert!(key.as_str().starts_with("sha256/2c/"));
    assert_eq!(objects.get(&key, 5).await.unwrap(), "hello");
    let refused = objects.get(&key, 4).await.unwrap_err();
    assert!(matches!(
        refused,
        ObjectError::TooLarge {
            bytes: 5,
            bytes_max: 4,
            ..
        }
    ));

    let named = ObjectKey::named("snapshots/task/eff.tar").unwrap();
    assert!(!objects.exists(&named).await.unwrap());
    assert!(matches!(
        objects.get(&named, 9).await,
        Err(ObjectError::Missing { .. })
    ));
    objects.put_at(&named, "one".into()).await.unwrap();
    objects.put_at(&named, "two".into()).await.unwrap();
    assert_eq!(objects.get(&named, 9).await.unwrap(), "two");
    objects.remove(&named).await.unwrap();
    objects.remove(&named).await.unwrap();
    assert!(!objects.exists(&named).await.unwrap());
}

#[test]
fn no_key_leads_outside() {
    for name in ["../secret", "a/../../b", "a/./b"] {
        assert!(ObjectKey::named(name).is_err(), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    for url in ["s3://bucket", "objects", "file:"] {
        assert!(matches!(
            Objects::open(url, folder.path()),
            Err(ObjectError::BadUrl { .. })
        ));
    }
}
