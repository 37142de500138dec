//! The machine of one pod: stories of it, a test for each rule of the kubelet, and what holds for all pods.

mod harness;
mod image_rules;
mod probe_rules;
mod properties;
mod restart_rules;

use harness::{Pod, Scripted, container, facts, probe, sidecar};
use wavetank_engine::Time;
use wavetank_model::container::{Container, Handler, Hook};
use wavetank_node::pod::Fault;

#[test]
fn nothing_is_due_for_a_pod_whose_probes_stay_well() {
    let app = Container { readiness: Some(probe(5)), liveness: Some(probe(7)), ..container("app") };
    let facts = facts(vec![app]);
    let mut pod = Pod::new(&facts, Scripted::default());
    let mut due = pod.run_until(0);
    while let Some(at) = due {
        assert!(at < Time::from_seconds(60), "still due at {at:?}");
        due = pod.act(|machine, scene| machine.advance(scene, at));
    }
    assert!(pod.machine.status().is_ready());
}

#[test]
fn a_hook_and_the_signal_share_the_grace_period() {
    let app = Container { pre_stop: Some(Hook::Sleep(7)), ..container("app") };
    let facts = facts(vec![app]);
    let mut pod = Pod::new(&facts, Scripted { stop_millis: 60_000, ..Scripted::default() });
    pod.run_until(10);
    pod.lines();
    pod.delete(10, 10);
    pod.run_until(60);
    assert_eq!(pod.lines(), ["17 stop app 3", "20 exit app 137"]);
    assert!(pod.machine.is_gone());
}

#[test]
fn a_post_start_hook_holds_the_next_container_back_and_is_lost_with_its_container() {
    let hook = Some(Hook::Handler(Handler::Exec(Vec::new())));
    let facts = facts(vec![Container { post_start: hook, ..container("app") }, container("log")]);
    let mut pod = Pod::new(&facts, Scripted::default());
    pod.run_until(5);
    assert_eq!(pod.lines(), ["0.3 start app 0", "3.3 start log 0"]);
    let mut pod = Pod::new(&facts, Scripted { hook_error: Some("no".into()), ..Scripted::default() });
    pod.run_until(4);
    // The restart that follows at once is not held back yet.
    assert_eq!(
        pod.lines(),
        ["0.3 start app 0", "3.3 stop app 30", "3.3 exit app 143", "3.3 start log 0", "3.3 start app 1"]
    );
    let mut pod = Pod::new(&facts, Scripted { exit: Some((1_000, 1)), ..Scripted::default() });
    pod.run_until(2);
    assert_eq!(pod.lines()[..3], ["0.3 start app 0", "1.3 exit app 1", "1.3 start log 0"]);
}

#[test]
fn a_deletion_breaks_off_a_post_start_hook() {
    let hook = Some(Hook::Sleep(100));
    let facts = facts(vec![Container { post_start: hook, ..container("app") }]);
    let mut pod = Pod::new(&facts, Scripted::default());
    pod.run_until(10);
    pod.delete(10, 5);
    pod.run_until(11);
    assert!(pod.machine.is_gone());
}

#[test]
fn sidecars_stop_after_the_containers_and_in_reverse_order() {
    let mut facts = facts(vec![container("app")]);
    facts.init_containers = vec![sidecar("first"), sidecar("second")];
    let mut pod = Pod::new(&facts, Scripted { stop_millis: 2_000, ..Scripted::default() });
    pod.run_until(10);
    assert_eq!(pod.lines(), ["0.3 start first 0", "0.3 start second 0", "0.3 start app 0"]);
    pod.delete(10, 30);
    pod.run_until(60);
    let stopped = ["10 stop app 30", "12 exit app 143", "12 stop second 28", "14 exit second 143", "14 stop first 26"];
    assert_eq!(pod.lines()[..5], stopped);
}

#[test]
fn a_hung_container_is_restarted_by_its_liveness_probe_and_killed_at_the_end_of_its_grace() {
    let app = Container { liveness: Some(probe(10)), ..container("app") };
    let facts = facts(vec![app]);
    let mut pod = Pod::new(&facts, Scripted::default());
    pod.run_until(15);
    pod.lines();
    pod.act(|machine, scene| machine.strike(scene, Time::from_seconds(15), 0, Fault::Hang));
    pod.run_until(100);
    assert_eq!(pod.lines(), ["41 stop app 30", "71 exit app 137", "71 start app 1"]);
    assert_eq!(pod.machine.status().containers[0].restart_count, 1);
}

#[test]
fn a_killed_process_comes_back_at_once_and_later_with_a_back_off() {
    let facts = facts(vec![container("app")]);
    let mut pod = Pod::new(&facts, Scripted::default());
    for seconds in [100, 200] {
        pod.run_until(seconds);
        pod.act(|machine, scene| machine.strike(scene, Time::from_seconds(seconds), 0, Fault::Kill(137)));
    }
    pod.run_until(300);
    let expected = ["0.3 start app 0", "100 exit app 137", "100 start app 1", "200 exit app 137", "210 start app 2"];
    assert_eq!(pod.lines(), expected);
}
