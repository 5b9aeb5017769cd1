//! Objects: whole or not at all, no larger than the reader can take, never outside of their place.

use wardroom_store::*;

#[tokio::test]
async fn objects_come_back_within_the_cap() {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::open("file:objects", folder.path()).unwrap();
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
    assert!(
        folder
            .path()
            .join("objects/snapshots/task/eff.tar")
            .is_file()
    );
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
