//! One test for each rule of fetching images.

use crate::harness::{Pod, Scripted, container, facts};
use wavetank_model::container::{Container, ImagePullPolicy};

fn broken() -> Scripted {
    Scripted { pulls: vec![(1_000, "not found")], ..Scripted::default() }
}

#[test]
fn a_failed_pull_is_tried_again_at_the_first_sync_after_its_back_off() {
    let facts = facts(vec![container("app")]);
    let mut pod = Pod::watched(&facts, broken());
    pod.run_until(400);
    // The back-off counts from the end of the pull, syncs after an error come every 10 seconds.
    let pulls = ["0 pull app:1 0", "11 pull app:1 1", "32 pull app:1 2", "73 pull app:1 3", "154 pull app:1 4"];
    assert_eq!(pod.seen(&["pull"])[..5], pulls);
}

#[test]
fn the_reason_shows_one_sync_after_what_it_tells_of() {
    let facts = facts(vec![container("app")]);
    let mut pod = Pod::watched(&facts, broken());
    pod.run_until(25);
    let shown = [
        "0 status Pending app waiting:ContainerCreating",
        "0 status Pending app waiting:ContainerCreating",
        "1 status Pending app waiting:ErrImagePull",
    ];
    let seen = pod.seen(&["status"]);
    assert!(seen.starts_with(&shown[..2].iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()[..1]), "{seen:?}");
    assert!(seen.iter().any(|line| line.ends_with("waiting:ErrImagePull")), "{seen:?}");
    let first = |reason: &str| seen.iter().position(|line| line.ends_with(reason));
    assert!(first("waiting:ErrImagePull") < first("waiting:ImagePullBackOff"), "{seen:?}");
}

#[test]
fn containers_with_one_image_share_its_back_off_and_one_held_back_stops_no_other() {
    let other = Container { image: "other:1".into(), ..container("other") };
    let facts = facts(vec![container("app"), container("twin"), other]);
    let mut pod = Pod::watched(&facts, Scripted { pulls: vec![(1_000, "not found"), (0, "")], ..Scripted::default() });
    pod.run_until(5);
    // The twin is held back at once, the third container has its own image, which fails once as well.
    assert_eq!(pod.seen(&["pull"]), ["0 pull app:1 0", "1 pull other:1 0"]);
    pod.run_until(60);
    let lines = pod.lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[test]
fn an_init_container_held_back_stops_those_after_it() {
    let mut facts = facts(vec![Container { image: "other:1".into(), ..container("app") }]);
    facts.init_containers = vec![container("init")];
    let mut pod = Pod::watched(&facts, broken());
    pod.run_until(100);
    assert!(pod.seen(&["pull"]).iter().all(|line| line.contains("app:1")), "the other image is not even fetched");
}

#[test]
fn a_pull_failure_is_forgotten_after_ten_minutes_without_another() {
    let long =
        Scripted { pulls: vec![(1_000, "no"), (1_000, "no"), (700_000, "no"), (1_000, "")], ..Scripted::default() };
    let facts = facts(vec![container("app")]);
    let mut pod = Pod::watched(&facts, long);
    pod.run_until(2_000);
    // The third pull took longer than the memory: the wait after it is the first one again.
    let pulls = ["0 pull app:1 0", "11 pull app:1 1", "32 pull app:1 2", "742 pull app:1 3"];
    assert_eq!(pod.seen(&["pull"]), pulls);
}

#[test]
fn special_errors_have_reasons_of_their_own() {
    let reason = |image: &str, policy: ImagePullPolicy, error: &'static str| {
        let app = Container { image: image.into(), image_pull_policy: policy, ..container("app") };
        let facts = facts(vec![app]);
        let pulls = if error.is_empty() { Vec::new() } else { vec![(0, error)] };
        let mut pod = Pod::watched(&facts, Scripted { pulls, ..Scripted::default() });
        pod.run_until(5);
        let seen = pod.seen(&["status"]);
        seen.last().and_then(|line| line.rsplit(':').next()).unwrap_or_default().to_owned()
    };
    assert_eq!(reason("app:1", ImagePullPolicy::Never, ""), "ErrImageNeverPull");
    assert_eq!(reason("UPPER:1", ImagePullPolicy::IfNotPresent, ""), "InvalidImageName");
    assert_eq!(reason("app:1", ImagePullPolicy::IfNotPresent, "RegistryUnavailable: down"), "RegistryUnavailable");
    assert_eq!(
        reason("app:1", ImagePullPolicy::IfNotPresent, "SignatureValidationFailed"),
        "SignatureValidationFailed"
    );
}
