//! The published walkthroughs, replayed from the manifests of the examples: commands, and all that they print.
//! And the session of the README, which is printed by the same shell.

mod session;

use session::{check, of_this_project, replayed};

#[test]
fn revisions_are_numbered_recorded_and_gone_back_to() {
    check(include_str!("sessions/revisions.txt"));
}

#[test]
fn a_deployment_made_of_flags_scales_if_its_preconditions_hold() {
    check(include_str!("sessions/from-flags.txt"));
}

#[test]
fn a_rolling_update_of_four_goes_by_quarters() {
    check(include_str!("sessions/rolling-update.txt"));
}

#[test]
fn a_rolling_update_of_three_keeps_between_two_and_four() {
    check(include_str!("sessions/nginx.txt"));
}

#[test]
fn an_image_that_does_not_exist_stops_the_rollout_at_two_and_undo_mends_it() {
    check(include_str!("sessions/bad-image.txt"));
}

#[test]
fn edits_while_paused_become_one_rollout_and_without_history_nothing_is_undone() {
    check(include_str!("sessions/pause.txt"));
}

#[test]
fn an_autoscaler_follows_the_load_up_and_five_minutes_after_it_down() {
    check(include_str!("sessions/autoscaling.txt"));
}

#[test]
fn a_paused_rollout_is_a_canary_behind_the_service() {
    check(include_str!("sessions/canary.txt"));
}

#[test]
fn the_session_of_the_readme_is_true() {
    let read = |path: &str| std::fs::read_to_string(of_this_project(path)).expect("a readable file");
    let printed = replayed(read("examples/sessions/rollout.txt").lines());
    assert!(read("README.md").contains(&printed), "the README lacks\n{printed}");
}
