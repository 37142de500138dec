//! The commands: a table of their words, their flags and what carries them out.
//!
//! Looking: [`get`] and [`watch`] by [`table`], [`describe`], [`events`], [`wait`], [`diff`]. Changing: [`apply`], [`server_side`],
//! [`create`], [`generate`], [`config_map`], [`expose`], [`delete`], [`patch`], [`metadata`], [`scale`], [`set`], [`rollout`], [`node`].
//! [`convert`] reads files of versions that are no longer served.
//! [`about`] tells what the server is and serves.

mod about;
mod apply;
mod config_map;
mod convert;
mod create;
mod delete;
mod describe;
mod diff;
mod events;
mod expose;
mod generate;
mod get;
mod metadata;
mod node;
mod patch;
mod rollout;
mod scale;
mod server_side;
mod set;
mod table;
mod wait;
mod watch;

use crate::fault::Fault;
use crate::run::Run;

pub(crate) use watch::Watching;

/// One command.
pub(crate) struct Command {
    /// Its words after `kubectl`.
    pub(crate) words: &'static str,
    /// Its own flags, see [`crate::flags::Arguments::read`].
    pub(crate) flags: &'static str,
    /// What carries it out.
    pub(crate) run: fn(&mut Run<'_>) -> Result<(), Fault>,
}

const fn command(words: &'static str, flags: &'static str, run: fn(&mut Run<'_>) -> Result<(), Fault>) -> Command {
    Command { words, flags, run }
}

/// All commands that are known.
pub(crate) const COMMANDS: &[Command] = &[
    command("annotate", metadata::FLAGS, metadata::annotate),
    command("api-resources", about::API_RESOURCES_FLAGS, about::api_resources),
    command("api-versions", "", about::api_versions),
    command("apply", apply::FLAGS, apply::apply),
    command("apply set-last-applied", apply::FLAGS, apply::set_last_applied),
    command("apply view-last-applied", apply::FLAGS, apply::view_last_applied),
    command("auth can-i", about::CAN_I_FLAGS, about::can_i),
    command("autoscale", expose::AUTOSCALE_FLAGS, expose::autoscale),
    command("cluster-info", "", about::cluster_info),
    command("convert", convert::FLAGS, convert::convert),
    command("cordon", node::CORDON_FLAGS, node::cordon),
    command("create", create::FLAGS, create::create),
    command("create configmap", generate::FLAGS, config_map::config_map),
    command("create cm", generate::FLAGS, config_map::config_map),
    command("create cronjob", generate::FLAGS, generate::cron_job),
    command("create cj", generate::FLAGS, generate::cron_job),
    command("create deployment", generate::FLAGS, generate::deployment),
    command("create deploy", generate::FLAGS, generate::deployment),
    command("create ingress", generate::FLAGS, generate::ingress),
    command("create ing", generate::FLAGS, generate::ingress),
    command("create job", generate::FLAGS, generate::job),
    command("create namespace", generate::FLAGS, generate::namespace),
    command("create ns", generate::FLAGS, generate::namespace),
    command("create poddisruptionbudget", generate::FLAGS, generate::budget),
    command("create pdb", generate::FLAGS, generate::budget),
    command("create quota", generate::FLAGS, generate::quota),
    command("create service clusterip", generate::FLAGS, generate::cluster_ip),
    command("create svc clusterip", generate::FLAGS, generate::cluster_ip),
    command("create service externalname", generate::FLAGS, generate::external_name),
    command("create svc externalname", generate::FLAGS, generate::external_name),
    command("create service loadbalancer", generate::FLAGS, generate::load_balancer),
    command("create svc loadbalancer", generate::FLAGS, generate::load_balancer),
    command("create service nodeport", generate::FLAGS, generate::node_port),
    command("create svc nodeport", generate::FLAGS, generate::node_port),
    command("delete", delete::FLAGS, delete::delete),
    command("describe", describe::FLAGS, describe::describe),
    command("diff", diff::FLAGS, diff::diff),
    command("drain", node::DRAIN_FLAGS, node::drain),
    command("edit", patch::EDIT_FLAGS, patch::edit),
    command("events", events::FLAGS, events::events),
    command("exec", about::EXEC_FLAGS, about::exec),
    command("explain", about::EXPLAIN_FLAGS, about::explain),
    command("expose", expose::EXPOSE_FLAGS, expose::expose),
    command("get", get::FLAGS, get::get),
    command("label", metadata::FLAGS, metadata::label),
    command("logs", about::EXEC_FLAGS, about::logs),
    command("patch", patch::FLAGS, patch::patch),
    command("replace", create::REPLACE_FLAGS, create::replace),
    command("rollout history", rollout::HISTORY_FLAGS, rollout::history),
    command("rollout pause", rollout::CHANGE_FLAGS, rollout::pause),
    command("rollout restart", rollout::CHANGE_FLAGS, rollout::restart),
    command("rollout resume", rollout::CHANGE_FLAGS, rollout::resume),
    command("rollout status", rollout::STATUS_FLAGS, rollout::status),
    command("rollout undo", rollout::UNDO_FLAGS, rollout::undo),
    command("run", expose::RUN_FLAGS, expose::run),
    command("scale", scale::FLAGS, scale::scale),
    command("set env", set::ENV_FLAGS, set::env),
    command("set image", set::FLAGS, set::image),
    command("set resources", set::RESOURCES_FLAGS, set::resources),
    command("set selector", set::FLAGS, set::selector),
    command("set serviceaccount", set::FLAGS, set::service_account),
    command("set sa", set::FLAGS, set::service_account),
    command("taint", node::TAINT_FLAGS, node::taint),
    command("top", about::EXEC_FLAGS, about::top),
    command("uncordon", node::CORDON_FLAGS, node::uncordon),
    command("version", about::VERSION_FLAGS, about::version),
    command("wait", wait::FLAGS, wait::wait),
];
