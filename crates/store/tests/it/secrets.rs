//! Secrets: set, replaced, opened and removed, each on the record.

use crate::world::*;
use secrecy::ExposeSecret;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use wardroom_store::*;

pub fn named(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

pub fn touch(seconds: i64) -> Touch {
    Touch {
        actor: "system".to_owned(),
        via: None,
        at: at(seconds),
    }
}

impl World {
    pub fn master_key(&self) -> MasterKey {
        MasterKey::load_or_create(&self.folder.path().join("master.key")).unwrap()
    }

    pub async fn set_secret(&self, name: &str, value: &str, seconds: i64) -> Receipt {
        let value = fit_value(value.to_owned()).unwrap();
        let (name, key) = (named(name), self.master_key());
        let sealed = self
            .store
            .seal_secret(self.org, &name, &value, &key, touch(seconds));
        self.commit(vec![sealed.await.unwrap().into()])
            .await
            .unwrap()
    }

    pub async fn opened(&self, name: &str, key: &MasterKey) -> Result<Option<String>, String> {
        let opened = self
            .store
            .open_secret(self.org, &named(name), key, "model default", touch(9))
            .await;
        opened
            .map(|value| value.map(|value| value.expose_secret().to_owned()))
            .map_err(|error| error.to_string())
    }

    async fn record(&self) -> Vec<String> {
        let page = Page {
            limit: Some(100),
            cursor: None,
        };
        let filter = AuditFilter::default();
        let events = self.store.audit_events(self.org, &filter, &page).await;
        let bodies = events.unwrap().items.into_iter();
        bodies.map(|event| event.body.to_string()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_takes_the_place_of_the_old_one_and_a_removed_secret_is_gone() {
    let world = World::new().await;
    let key = world.master_key();
    assert_eq!(world.set_secret("openai", "first", 1).await.seqs, [Some(1)]);
    assert_eq!(
        world.set_secret("openai", "second", 2).await.seqs,
        [Some(2)]
    );
    assert_eq!(
        world.opened("openai", &key).await,
        Ok(Some("second".to_owned()))
    );
    let listed = world.store.secret_names(world.org).await.unwrap();
    assert_eq!(
        listed,
        [SecretRow {
            name: "openai".to_owned(),
            version: 2,
            created_at: at(2),
            created_by: "system".to_owned(),
        }]
    );

    let remove = || RemoveSecret {
        name: named("openai"),
        touch: touch(10),
    };
    world.commit(vec![remove().into()]).await.unwrap();
    assert_eq!(world.opened("openai", &key).await, Ok(None));
    assert_eq!(world.store.secret_names(world.org).await.unwrap(), []);
    let again = world.commit(vec![remove().into()]).await.unwrap_err();
    assert_eq!(again.to_string(), "there is no secret `openai`");
    let record = world.record().await;
    assert_eq!(
        record,
        [
            r#"{"purpose":"removed","secret":"openai","version":2}"#,
            r#"{"purpose":"model default","secret":"openai","version":2}"#,
            r#"{"purpose":"set","secret":"openai","version":2}"#,
            r#"{"purpose":"set","secret":"openai","version":1}"#,
        ]
    );
    // A version number is never given twice, so no old envelope fits a new row.
    assert_eq!(world.set_secret("openai", "third", 4).await.seqs, [Some(3)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_set_the_same_secret_at_once_do_not_overwrite_each_other_unseen() {
    let world = World::new().await;
    let (key, value) = (world.master_key(), fit_value("x".to_owned()).unwrap());
    let seal = || {
        let name = named("openai");
        let (store, key, value) = (&world.store, &key, &value);
        async move {
            store
                .seal_secret(world.org, &name, value, key, touch(1))
                .await
                .unwrap()
        }
    };
    let (one, other) = (seal().await, seal().await);
    world.commit(vec![one.into()]).await.unwrap();
    let refused = world.commit(vec![other.into()]).await.unwrap_err();
    assert!(refused.to_string().contains("try again"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_master_key_opens_nothing_and_says_so() {
    let world = World::new().await;
    world.set_secret("openai", "value", 1).await;
    let other = MasterKey::load_or_create(&world.folder.path().join("other.key")).unwrap();
    let refused = world.opened("openai", &other).await.unwrap_err();
    assert!(
        refused.contains("sealed with another master key"),
        "{refused}"
    );
    assert_eq!(world.record().await.len(), 1, "nothing was given out");
}

#[test]
fn a_master_key_is_its_owners_alone_and_nothing_else_passes_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    assert!(MasterKey::load(&path).unwrap().is_none());
    MasterKey::load_or_create(&path).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let open = MasterKey::load(&path).unwrap_err().to_string();
    assert!(open.contains("others may read this key"), "{open}");

    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    for text in ["", "not base64", "c2hvcnQ="] {
        fs::write(&path, text).unwrap();
        let refused = MasterKey::load_or_create(&path).unwrap_err().to_string();
        assert!(refused.contains("32 bytes in base64"), "{refused}");
    }
}

#[test]
fn what_is_no_name_or_no_value_is_refused() {
    for name in ["", "a b", "a/b", "a\nb", "ä", &"a".repeat(65)] {
        assert_eq!(SecretName::parse(name), Err(UnfitSecret::Name), "{name:?}");
    }
    let refusal = |text: &str| fit_value(text.to_owned()).err();
    assert_eq!(refusal(" \n"), Some(UnfitSecret::Empty));
    assert_eq!(refusal(&"x".repeat(64 * 1024)), None);
    assert_eq!(
        refusal(&"x".repeat(64 * 1024 + 1)),
        Some(UnfitSecret::TooLong)
    );
}
