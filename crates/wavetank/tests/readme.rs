//! The test that README.md offers for pasting, and a check that it is this one.

use std::time::Duration;
use wavetank::{Cluster, ImageBehaviour, RolloutStatus};

const SHOP: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 4
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:1"}]}
"#;

#[test]
fn a_bad_image_stops_the_rollout_and_undo_mends_it() {
    let seconds = Duration::from_secs;
    let mut cluster = Cluster::builder()
        .image("shop:1", ImageBehaviour::new().start(seconds(1)).ready_after(seconds(5)))
        .image("shop:2", ImageBehaviour::new().fails_to_pull())
        .build();
    cluster.apply(SHOP).unwrap();
    cluster.run_until(|cluster| cluster.is_complete("shop"), seconds(60)).unwrap();

    cluster.set_image("shop", "shop", "shop:2", None).unwrap();
    cluster.run_for(seconds(3600));
    assert_eq!(cluster.rollout_status("shop"), Ok(RolloutStatus::DeadlineExceeded));
    assert_eq!(cluster.deployment("shop").unwrap().status.available_replicas, 3);

    cluster.undo("shop", 0).unwrap();
    cluster.run_until(|cluster| cluster.is_complete("shop"), seconds(60)).unwrap();
}

#[test]
fn the_readme_shows_that_test() {
    let readme = include_str!("../../../README.md");
    let shown = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of Rust");
    assert!(include_str!("readme.rs").contains(shown.trim_end()), "README.md shows another test than this file has");
}
