//! Scheduler binding and the kubelet model.
