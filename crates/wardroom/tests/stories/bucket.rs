//! Large bytes in a bucket of an S3 service instead of a folder.

use crate::script::script;
use crate::{laptop, world};
use serde_json::json;
use wardroom_domain::{Digest, TaskStatus};
use wardroom_testkit::bucket::{KEY, TestBucket};
use wardroom_testkit::world::Setup;

fn with_bucket(bucket: &TestBucket) -> Setup {
    let objects = format!(
        "[objects]\nurl = \"{}\"\nsecret_access_key = \"secret:bucket\"\n\n",
        bucket.url()
    );
    laptop()
        .with(&objects)
        .env("AWS_ACCESS_KEY_ID", KEY.0)
        .secret("bucket", KEY.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_task_made_lies_in_the_bucket_and_comes_back() {
    let bucket = TestBucket::fresh();
    let world = world(with_bucket(&bucket)).await;
    let owner = world.owner();
    let request = script()
        .writes("plan.txt", "Go west.\n")
        .calls("deliver", json!({"path": "plan.txt"}))
        .says("Made.");
    let task = owner.asks(&request.to_string()).await;
    owner.awaits(task, TaskStatus::Succeeded).await;
    let bytes = owner.client.artifact(task, "plan.txt").await;
    assert_eq!(bytes.expect("the artifact"), "Go west.\n");
    let digits = Digest::of_bytes(b"Go west.\n").to_string();
    let digits = digits.rsplit(':').next().expect("digits").to_owned();
    let listing = bucket.listing();
    let named = format!("crew/sha256/{}/{}", &digits[..2], &digits[2..]);
    assert!(listing.contains(&named), "{named} in {listing}");
    assert!(!world.data().join("objects").exists());
    assert!(!world.log().contains(KEY.1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_is_told_before_anybody_relies_on_it() {
    let bucket = TestBucket::fresh();
    let mut world = world(with_bucket(&bucket)).await;
    assert_eq!(world.stop(), Some(0));
    let file = world.data().join("wardroom.toml");
    let text = std::fs::read_to_string(&file).expect("the configuration");
    let elsewhere = text.replace(&bucket.name, "nobody-has-it");
    std::fs::write(&file, elsewhere).expect("it is ours");
    let told = world.up_refused();
    assert!(
        told.contains("the bucket s3://nobody-has-it/crew"),
        "{told}"
    );
    let plain = text.replace("secret:bucket", KEY.1);
    std::fs::write(&file, plain).expect("it is ours");
    let told = world.up_refused();
    assert!(told.contains("objects.secret_access_key"), "{told}");
    assert!(!told.contains(KEY.1), "{told}");
}
