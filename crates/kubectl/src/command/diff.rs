//! `diff`: what `apply` would change, without applying it.
//!
//! Source: `kubectl/pkg/cmd/diff`, and the unified format of `diff -u -N`.

use crate::api;
use crate::command::apply;
use crate::fault::{Fault, said};
use crate::run::Run;
use crate::source::Info;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Flags of `diff`.
pub(super) const FLAGS: &str = "concurrency:i field-manager:s filename,f:s force-conflicts kustomize,k:s prune \
                                prune-allowlist:s recursive,R selector,l:s server-side show-managed-fields";

/// Lines around a change.
const CONTEXT: usize = 3;

/// `diff`; the exit code says whether there are differences.
pub(super) fn diff(run: &mut Run<'_>) -> Result<(), Fault> {
    if !run.has_files() {
        return said("must specify one of -f and -k");
    }
    let (infos, faults) = run.infos(true);
    Fault::of_many(faults)?;
    let mut differs = false;
    for info in infos {
        differs |= diff_one(run, &info)?;
    }
    if differs { Err(Fault::Silent(1)) } else { Ok(()) }
}

fn diff_one(run: &mut Run<'_>, info: &Info) -> Result<bool, Fault> {
    let live = api::get(run.cluster, &info.at).ok();
    let mut merged = apply::merged(run, info)?;
    if let Some(live) = &live {
        // A dry run stores nothing, so it makes no version either.
        merged["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
    }
    let text = |object: &Value| wavetank_printers::to_yaml(object);
    let (before, after) = (live.as_ref().map(text).unwrap_or_default(), text(&merged));
    if before == after {
        return Ok(false);
    }
    let resource = &info.at.resource;
    let api_version = resource.api_version().replace('/', ".");
    let file = format!("{api_version}.{}.{}.{}", resource.kind, info.at.namespace, info.at.name);
    let time = wavetank_manifest::Edge::new(run.cluster.calendar()).spell_time_in_full(run.cluster.now());
    run.say(&format!("diff -u -N LIVE-0/{file} MERGED-0/{file}"));
    run.say(&format!("--- LIVE-0/{file}\t{time}"));
    run.say(&format!("+++ MERGED-0/{file}\t{time}"));
    let difference = TextDiff::from_lines(&before, &after);
    for group in difference.grouped_ops(CONTEXT) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let old = first.old_range().start..last.old_range().end;
        let new = first.new_range().start..last.new_range().end;
        run.say(&format!("@@ -{} +{} @@", range(&old), range(&new)));
        for change in group.iter().flat_map(|operation| difference.iter_changes(operation)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            run.say(&format!("{sign}{}", change.value().trim_end_matches('\n')));
        }
    }
    Ok(true)
}

/// Lines of a file as a hunk names them.
fn range(lines: &core::ops::Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => (lines.start + 1).to_string(),
        length => format!("{},{length}", lines.start + 1),
    }
}
