use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn second(seconds: i64) -> Time {
    Time::from_seconds(seconds)
}

fn drain<E>(queue: &mut Queue<E>) -> Vec<(Time, E)> {
    core::iter::from_fn(|| queue.pop()).collect()
}

#[test]
fn ties_pop_in_the_order_of_insertion() {
    let mut queue = Queue::new();
    for event in 0..100 {
        queue.schedule(second(1), event);
    }
    queue.schedule(second(0), 100);
    let events: Vec<i32> = drain(&mut queue).into_iter().map(|(_, event)| event).collect();
    assert_eq!(events, core::iter::once(100).chain(0..100).collect::<Vec<_>>());
}

#[test]
fn a_used_ticket_cancels_nothing_even_when_its_slot_is_taken_again() {
    let mut queue = Queue::new();
    let popped = queue.schedule(second(1), 'a');
    queue.pop();
    let cancelled = queue.schedule(second(1), 'b');
    assert_eq!(queue.cancel(cancelled), Some('b'));
    let waiting = queue.schedule(second(1), 'c');
    assert_eq!((queue.cancel(popped), queue.cancel(cancelled)), (None, None));
    assert!(queue.is_pending(waiting) && !queue.is_pending(popped));
    assert_eq!(queue.len(), 1);
}

#[test]
fn a_cancelled_event_is_never_the_next() {
    let mut queue = Queue::new();
    let first = queue.schedule(second(1), ());
    queue.schedule(second(2), ());
    queue.cancel(first);
    assert_eq!(queue.next_time(), Some(second(2)));
}

#[test]
fn a_timer_that_is_moved_forever_leaves_no_trail() {
    let mut queue = Queue::new();
    let mut ticket = queue.schedule(second(0), 0);
    for round in 1..100_000 {
        queue.cancel(ticket);
        ticket = queue.schedule(second(round), round);
    }
    assert!(queue.agenda.len() <= SWEEP_AT_LEAST + 2, "{} keys for one event", queue.agenda.len());
    assert_eq!(queue.slots.len(), 1);
}

#[test]
fn a_stored_queue_with_a_slot_taken_twice_is_refused() {
    assert!(read(r#"{"sequence":9,"events":[[5,1,0,7],[5,2,0,8]],"free":[]}"#).is_err());
    assert!(read(r#"{"sequence":9,"events":[[5,1,3,7]],"free":[]}"#).is_err());
    assert!(read(r#"{"sequence":1,"events":[[5,1,0,7]],"free":[]}"#).is_err());
    assert_eq!(read(r#"{"sequence":2,"events":[[5,1,1,7]],"free":[0]}"#).map(|queue| queue.len()).ok(), Some(1));
}

fn read(text: &str) -> serde_json::Result<Queue<u32>> {
    serde_json::from_str(text)
}

/// What a random test does to a queue; indices count the tickets given so far.
#[derive(Clone, Debug)]
enum Step {
    Schedule(i64),
    Put(i64),
    Cancel(usize),
    Pop,
    Store,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (-3_i64..12).prop_map(Step::Schedule),
        4 => (-3_i64..12).prop_map(Step::Put),
        3 => (0_usize..400).prop_map(Step::Cancel),
        2 => Just(Step::Pop),
        1 => Just(Step::Store),
    ];
    prop::collection::vec(step, 0..400)
}

proptest! {
    #[test]
    fn it_agrees_with_a_sorted_map(steps in steps()) {
        let mut queue = Queue::new();
        let mut plain = BTreeMap::new();
        let mut tickets = Vec::new();
        for step in steps {
            match step {
                Step::Schedule(at) => {
                    let event = tickets.len();
                    plain.insert((second(at), event), event);
                    tickets.push((queue.schedule(second(at), event), (second(at), event)));
                }
                Step::Put(at) => {
                    // A number that no ticket has, for all that cannot be cancelled; they tie in order.
                    let event = tickets.len();
                    plain.insert((second(at), event), event);
                    queue.put(second(at), event);
                    let used_up = queue.schedule(second(0), event);
                    queue.cancel(used_up);
                    tickets.push((used_up, (Time::MIN, event)));
                }
                Step::Cancel(index) => {
                    if let Some(&(ticket, key)) = tickets.get(index) {
                        prop_assert_eq!(queue.is_pending(ticket), plain.contains_key(&key));
                        prop_assert_eq!(queue.cancel(ticket), plain.remove(&key));
                    }
                }
                Step::Pop => {
                    let expected = plain.pop_first().map(|((time, _), event)| (time, event));
                    prop_assert_eq!(queue.pop(), expected);
                }
                Step::Store => {
                    let text = serde_json::to_string(&queue).expect("a queue can be stored");
                    queue = serde_json::from_str(&text).expect("a stored queue can be read");
                    prop_assert_eq!(serde_json::to_string(&queue).expect("again"), text);
                }
            }
            prop_assert_eq!(queue.len(), plain.len());
            prop_assert_eq!(queue.is_empty(), plain.is_empty());
            prop_assert_eq!(queue.next_time(), plain.first_key_value().map(|(&(time, _), _)| time));
        }
        let rest: Vec<_> = plain.into_iter().map(|((time, _), event)| (time, event)).collect();
        let pending: Vec<_> = queue.pending().into_iter().map(|(time, &event)| (time, event)).collect();
        prop_assert_eq!(&pending, &rest);
        let mut copy = queue.clone();
        prop_assert_eq!(drain(&mut queue), rest);
        prop_assert_eq!(drain(&mut copy), pending);
    }
}
