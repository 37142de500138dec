//! From what is to be done to writes.

use super::family::Work;
use super::{EndpointSliceInputs, EndpointSliceWrite};
use std::sync::Arc;
use wavetank_model::endpoint_slice::TRIGGER_TIME;
use wavetank_model::{EndpointSlice, Pass, Reason, Refusal, Service};

/// Makes the writes, up to the first that is refused.
pub(super) fn finish(
    inputs: &EndpointSliceInputs<'_>,
    mut work: Work,
    pass: &mut Pass<'_, EndpointSliceWrite>,
) -> Result<(), String> {
    let service = inputs.service;
    // Rewriting a slice that would go spares one deletion and one creation.
    let mut kept = Vec::new();
    let mut rewritten = Vec::new();
    for slice in work.delete {
        let fits = |new: &EndpointSlice| new.family == slice.family && slice.is_owned_by(service.meta.uid);
        match work.create.pop_if(|new| fits(new)) {
            Some(mut new) => {
                new.meta.name = Arc::clone(&slice.meta.name);
                rewritten.push(new);
            }
            None => kept.push(slice),
        }
    }
    // The garbage collector deletes the slices of a Service that goes; new ones would only be in its way.
    if !service.meta.is_terminating() {
        for mut slice in work.create {
            stamp(&mut slice, inputs.trigger_time);
            match pass.put(EndpointSliceWrite::Create(Box::new(slice))) {
                Ok(_) => {}
                Err(refusal) if refusal.is_namespace_terminating() => return Ok(()),
                Err(refusal) => {
                    let (namespace, name) = (&service.meta.namespace, &service.meta.name);
                    return Err(format!("failed to create EndpointSlice for Service {namespace}/{name}: {refusal}"));
                }
            }
        }
    }
    let versioned = work.update.into_iter().map(|slice| (Some(slice.meta.resource_version), slice));
    for (version, mut slice) in versioned.chain(rewritten.into_iter().map(|slice| (None, slice))) {
        stamp(&mut slice, inputs.trigger_time);
        let name = Arc::clone(&slice.meta.name);
        pass.put(EndpointSliceWrite::Update { slice: Box::new(slice), version })
            .map_err(|refusal| fault("failed to update", &name, service, &refusal))?;
    }
    for slice in kept {
        let name = &slice.meta.name;
        delete(pass, name).map_err(|refusal| fault("failed to delete", name, service, &refusal))?;
    }
    Ok(())
}

/// Deletes a slice; that it is gone already is as good.
pub(super) fn delete(pass: &mut Pass<'_, EndpointSliceWrite>, name: &Arc<str>) -> Result<(), Refusal> {
    match pass.put(EndpointSliceWrite::Delete(Arc::clone(name))) {
        Err(refusal) if refusal.reason != Reason::NotFound => Err(refusal),
        Ok(_) | Err(_) => Ok(()),
    }
}

pub(super) fn fault(what: &str, slice: &str, service: &Service, refusal: &Refusal) -> String {
    let (namespace, name) = (&service.meta.namespace, &service.meta.name);
    format!("{what} {slice} EndpointSlice for Service {namespace}/{name}: {refusal}")
}

fn stamp(slice: &mut EndpointSlice, trigger_time: Option<&str>) {
    match trigger_time {
        Some(time) => drop(slice.meta.annotations.set(TRIGGER_TIME, time)),
        None => drop(slice.meta.annotations.remove(TRIGGER_TIME)),
    }
}
