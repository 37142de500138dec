use super::*;
use wavetank_model::Selector;
use wavetank_model::disruption::UnhealthyPodEvictionPolicy;

fn budget(min_available: Option<&str>, max_unavailable: Option<&str>) -> DisruptionBudget {
    DisruptionBudget {
        min_available: min_available.map(IntOrString::parse),
        max_unavailable: max_unavailable.map(IntOrString::parse),
        selector: Selector::default(),
        selector_text: "".into(),
        unhealthy_pods: UnhealthyPodEvictionPolicy::IfHealthyBudget,
    }
}

fn pods(count: i32, healthy: i32, scale: i32) -> CoveredPods {
    CoveredPods { count, healthy, scales: [(Uid(1), scale)].into(), ..CoveredPods::default() }
}

fn status_of(budget: &DisruptionBudget, status: &DisruptionStatus, pods: &CoveredPods, now: Time) -> DisruptionStatus {
    let inputs = DisruptionInputs { now, budget, generation: 1, status, pods };
    let plan = reconcile_disruption(&inputs, &[]);
    match plan.writes.into_iter().next() {
        Some(DisruptionWrite::Status(status)) => status,
        None => status.clone(),
    }
}

fn numbers(status: &DisruptionStatus) -> (i32, i32, i32) {
    (status.expected_pods, status.desired_healthy, status.disruptions_allowed)
}

#[test]
fn a_number_counts_pods_and_a_percentage_counts_what_the_workload_should_have() {
    let none = DisruptionStatus::default();
    let now = Time::ZERO;
    assert_eq!(numbers(&status_of(&budget(Some("2"), None), &none, &pods(4, 4, 5), now)), (4, 2, 2));
    assert_eq!(numbers(&status_of(&budget(Some("50%"), None), &none, &pods(4, 4, 5), now)), (5, 3, 1));
    assert_eq!(numbers(&status_of(&budget(None, Some("1")), &none, &pods(4, 4, 5), now)), (5, 4, 0));
    assert_eq!(numbers(&status_of(&budget(None, Some("30%")), &none, &pods(5, 5, 5), now)), (5, 3, 2));
}

#[test]
fn a_budget_without_pods_allows_nothing_and_says_so() {
    let none = DisruptionStatus::default();
    let (budget, pods) = (budget(None, Some("1")), CoveredPods::default());
    let inputs = DisruptionInputs { now: Time::ZERO, budget: &budget, generation: 1, status: &none, pods: &pods };
    let plan = reconcile_disruption(&inputs, &[]);
    assert_eq!(&*plan.events[0].1.reason, "NoPods");
    let [DisruptionWrite::Status(status)] = &plan.writes[..] else { panic!("the status is written") };
    assert_eq!(status.disruptions_allowed, 0);
    assert_eq!(&*status.condition.as_ref().expect("it is set").reason, "InsufficientPods");
}

#[test]
fn an_evicted_pod_counts_as_gone_until_it_is_given_up() {
    let mut old = status_of(&budget(Some("1"), None), &DisruptionStatus::default(), &pods(3, 3, 3), Time::ZERO);
    old.disrupted_pods.insert("a".into(), Time::ZERO);
    let covered = CoveredPods { disrupted: [("a".into(), true)].into(), ..pods(3, 3, 3) };
    let soon = status_of(&budget(Some("1"), None), &old, &covered, Time::from_millis(1_000));
    assert_eq!((soon.current_healthy, soon.disruptions_allowed), (2, 1));
    let late = status_of(&budget(Some("1"), None), &old, &covered, Time::from_millis(121_000));
    assert_eq!((late.current_healthy, late.disruptions_allowed), (3, 2));
    assert!(late.disrupted_pods.is_empty());
}

#[test]
fn a_pod_of_an_unknown_controller_forbids_all_evictions() {
    let covered = CoveredPods { unknown_controller: Some("a".into()), ..pods(3, 3, 3) };
    let status = status_of(&budget(None, Some("1")), &DisruptionStatus::default(), &covered, Time::ZERO);
    let condition = status.condition.expect("it is set");
    assert_eq!((&*condition.reason, &*condition.message), ("SyncFailed", "found no controllers for pod \"a\""));
    assert_eq!(status.disruptions_allowed, 0);
}

#[test]
fn what_is_as_it_should_be_is_not_written_again() {
    let covered = pods(3, 3, 3);
    let budget = budget(Some("1"), None);
    let status = status_of(&budget, &DisruptionStatus::default(), &covered, Time::ZERO);
    let inputs = DisruptionInputs {
        now: Time::from_millis(5_000),
        budget: &budget,
        generation: 1,
        status: &status,
        pods: &covered,
    };
    assert_eq!(reconcile_disruption(&inputs, &[]).writes, []);
}
