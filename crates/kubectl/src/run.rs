//! One command under way: what it acts on, and what it has said so far.

use crate::api::{self, Address, Wanted};
use crate::client::{self, Client};
use crate::fault::{Fault, said};
use crate::files::Files;
use crate::flags::{Arguments, quoted};
use crate::resource::{self, Resource};
use crate::source::{self, Info};
use serde_json::Value;
use wavetank::Cluster;
use wavetank_printers::Now;

/// One command under way.
pub(crate) struct Run<'a> {
    /// What it acts on.
    pub(crate) cluster: &'a mut Cluster,
    /// Where `-f` looks.
    pub(crate) files: &'a dyn Files,
    /// The command with its parents, such as `kubectl rollout status`.
    pub(crate) path: String,
    /// Its arguments.
    pub(crate) arguments: Arguments,
    /// Standard output so far.
    pub(crate) out: String,
    /// Standard error so far.
    pub(crate) err: String,
}

/// Whether a command only says what it would do, and who checks that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DryRun {
    /// It is done.
    No,
    /// Only kubectl looks at it.
    Client,
    /// The server looks at it, and stores nothing.
    Server,
}

impl DryRun {
    /// What follows the message of what was done.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::No => "",
            Self::Client => " (dry run)",
            Self::Server => " (server dry run)",
        }
    }
}

/// What arguments of the form `TYPE NAME…`, `TYPE/NAME…` or `TYPE,TYPE` speak of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// One object.
    Named(Resource, String),
    /// All of a resource that the selectors let through.
    All(Resource),
}

/// An object that was found, and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) at: Address,
    pub(crate) object: Value,
    /// The file that named it, if one did.
    pub(crate) source: Option<String>,
}

/// What arguments led to.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) found: Vec<Found>,
    pub(crate) faults: Vec<Fault>,
    /// Whether one object was asked for by name.
    pub(crate) single: bool,
}

const NO_TYPE_APART: &str = "there is no need to specify a resource type as a separate argument when passing arguments \
                             in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl \
                             get resource resource/<resource_name>'";

/// The resources of a word such as `deploy,svc` or `all`.
fn resources(cluster: &Cluster, word: &str) -> Result<Vec<Resource>, Fault> {
    let mut found: Vec<Resource> = Vec::new();
    for part in word.split(',') {
        if part.is_empty() {
            continue;
        }
        if part == "all" {
            found.extend(resource::category_all());
        } else {
            found.push(resource_of(cluster, part)?);
        }
    }
    Ok(found)
}

/// The resource of a word.
pub(crate) fn resource_of(cluster: &Cluster, word: &str) -> Result<Resource, Fault> {
    resource::of_word(cluster, word)
        .map_err(|plain| Fault::Said(format!("the server doesn't have a resource type {}", quoted(&plain))))
}

/// Whether arguments are of the form `TYPE/NAME`, all of them or none.
fn are_pairs(words: &[String]) -> Result<bool, Fault> {
    match words.iter().filter(|word| word.contains('/')).count() {
        0 => Ok(false),
        count if count == words.len() => Ok(true),
        _ => said(NO_TYPE_APART),
    }
}

fn pair(word: &str) -> Result<(&str, &str), Fault> {
    let (kind, name) = word.split_once('/').unwrap_or((word, ""));
    if name.contains('/') {
        return said("arguments in resource/name form may not have more than one slash");
    }
    if kind.is_empty() || name.is_empty() || kind.contains(',') {
        return said("arguments in resource/name form must have a single resource and name");
    }
    Ok((kind, name))
}

/// What arguments speak of; `selected` says whether a selector, or something like it, chooses names.
pub(crate) fn picks(cluster: &Cluster, words: &[String], selected: bool) -> Result<Vec<Pick>, Fault> {
    if are_pairs(words)? {
        if selected {
            return said("name cannot be provided when a selector is specified");
        }
        let named = words.iter().map(|word| {
            let (kind, name) = pair(word)?;
            Ok(Pick::Named(resource_of(cluster, kind)?, name.to_owned()))
        });
        return named.collect();
    }
    let Some((first, names)) = words.split_first() else { return Ok(Vec::new()) };
    if first.contains(',') && !names.is_empty() {
        // Each of the names in each of the resources.
        let kinds = first.split(',').filter(|kind| !kind.is_empty());
        let pairs = kinds.flat_map(|kind| names.iter().map(move |name| format!("{kind}/{name}")));
        return picks(cluster, &pairs.collect::<Vec<String>>(), selected);
    }
    let resources = resources(cluster, first)?;
    if names.is_empty() {
        return Ok(resources.into_iter().map(Pick::All).collect());
    }
    if selected {
        return said("name cannot be provided when a selector is specified");
    }
    match resources.as_slice() {
        [one] => Ok(names.iter().map(|name| Pick::Named(one.clone(), name.clone())).collect()),
        _ => said("you must specify only one resource"),
    }
}

impl Run<'_> {
    /// The namespace that the command is about.
    pub(crate) fn namespace(&self) -> String {
        self.arguments.text("namespace").filter(|name| !name.is_empty()).unwrap_or("default").to_owned()
    }

    /// The present.
    pub(crate) fn present(&self) -> Now {
        Now::new(self.cluster.now(), self.cluster.calendar())
    }

    /// Says a line on standard output.
    pub(crate) fn say(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// Says a line on standard error.
    pub(crate) fn warn(&mut self, line: &str) {
        self.err.push_str(line);
        self.err.push('\n');
    }

    /// How `--dry-run` was given.
    pub(crate) fn dry_run(&mut self) -> Result<DryRun, Fault> {
        match self.arguments.text("dry-run") {
            None | Some("none") => Ok(DryRun::No),
            Some("client") => Ok(DryRun::Client),
            Some("server") => Ok(DryRun::Server),
            Some("unchanged") => {
                self.warn("W0101 00:00:00.000000   00001 helpers.go:703] --dry-run is deprecated and can be replaced with --dry-run=client.");
                Ok(DryRun::Client)
            }
            Some(other) => match other.to_lowercase().as_str() {
                "true" | "1" | "t" => {
                    said(format!("Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."))
                }
                _ => said(format!("Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\".")),
            },
        }
    }

    /// Says that an object was `done`, in the form that `-o` asks for.
    pub(crate) fn report(&mut self, at: &Address, object: &Value, done: &str, dry_run: DryRun) -> Result<(), Fault> {
        let Some(format) = self.arguments.text("output").map(str::to_owned) else {
            let line = format!("{} {done}{}", at.label(), dry_run.suffix());
            self.say(&line);
            return Ok(());
        };
        let object = self.shown(at, object.clone());
        let text = crate::output::object(&format, &at.resource, &object)?;
        self.out.push_str(&text);
        Ok(())
    }

    /// Under which name the command writes.
    pub(crate) fn field_manager(&self) -> String {
        let given = self.arguments.text("field-manager").filter(|name| !name.is_empty());
        let default = client::field_manager(&self.path, self.arguments.on("server-side"));
        given.unwrap_or(default).to_owned()
    }

    /// Does something to the cluster, or to a fork of it that is then forgotten; says what the server
    /// warns of.
    pub(crate) fn request<T>(&mut self, dry_run: DryRun, request: impl FnOnce(&mut Client<'_>) -> T) -> T {
        let manager = self.field_manager();
        self.request_as(&manager, dry_run, request)
    }

    /// The same under another name.
    pub(crate) fn request_as<T>(
        &mut self,
        manager: &str,
        dry_run: DryRun,
        request: impl FnOnce(&mut Client<'_>) -> T,
    ) -> T {
        let mut warnings = Vec::new();
        let asked = |cluster: &mut Cluster| {
            cluster.managed_by(manager, |cluster| request(&mut Client::new(cluster, &mut warnings)))
        };
        let answer = match dry_run {
            DryRun::No => asked(self.cluster),
            DryRun::Client | DryRun::Server => asked(&mut self.cluster.clone()),
        };
        for warning in warnings {
            let line = format!("Warning: {warning}");
            // kubectl says the same but once.
            if !self.err.lines().any(|said| said == line) {
                self.warn(&line);
            }
        }
        answer
    }

    /// An object with the owners of its fields, if `--show-managed-fields` asks for them.
    pub(crate) fn shown(&self, at: &Address, object: Value) -> Value {
        if self.arguments.on("show-managed-fields") { api::with_owners(self.cluster, at, object) } else { object }
    }

    /// Objects as files say them, with what could not be read.
    pub(crate) fn infos(&self, validated: bool) -> (Vec<Info>, Vec<Fault>) {
        let names: Vec<&str> = self.arguments.all("filename").flat_map(|names| names.split(',')).collect();
        let namespace = self.namespace();
        let scope = source::Scope {
            cluster: self.cluster,
            namespace: &namespace,
            enforced: self.arguments.given("namespace"),
            recursive: self.arguments.on("recursive"),
            validated,
        };
        source::read(self.files, &names, &scope)
    }

    /// Whether files were named.
    pub(crate) fn has_files(&self) -> bool {
        self.arguments.given("filename")
    }

    /// The objects that arguments, selectors and files lead to.
    pub(crate) fn find(&self, words: &[String]) -> Result<Findings, Fault> {
        if self.has_files() {
            if !words.is_empty() {
                return said(
                    "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well",
                );
            }
            return Ok(self.find_by_files());
        }
        let selected =
            self.arguments.given("selector") || self.arguments.given("field-selector") || self.arguments.on("all");
        let picks = picks(self.cluster, words, selected)?;
        Ok(self.find_picked(&picks))
    }

    /// The objects that picks lead to, where `--selector` is about something else.
    pub(crate) fn find_named(&self, picks: &[Pick]) -> Findings {
        self.find_selected(picks, None)
    }

    /// The objects that picks and selectors lead to.
    pub(crate) fn find_picked(&self, picks: &[Pick]) -> Findings {
        self.find_selected(picks, self.arguments.text("selector"))
    }

    fn find_selected(&self, picks: &[Pick], labels: Option<&str>) -> Findings {
        let everywhere = self.arguments.on("all-namespaces");
        let namespace = self.namespace();
        let mut findings = Findings { single: matches!(picks, [Pick::Named(..)]), ..Findings::default() };
        for pick in picks {
            match pick {
                Pick::Named(resource, name) => {
                    if everywhere && resource.namespaced {
                        let text = "a resource cannot be retrieved by name across all namespaces";
                        findings.faults.push(Fault::Said(text.to_owned()));
                        continue;
                    }
                    let at = Address::new(resource.clone(), &namespace, name);
                    match api::get(self.cluster, &at) {
                        Ok(object) => findings.found.push(Found { at, object, source: None }),
                        Err(refusal) => findings.faults.push(refusal.into()),
                    }
                }
                Pick::All(resource) => {
                    let wanted = Wanted {
                        namespace: (!everywhere).then(|| namespace.clone()),
                        labels: labels.map(str::to_owned),
                        fields: self.arguments.text("field-selector").map(str::to_owned),
                    };
                    match api::list(self.cluster, resource, &wanted) {
                        Ok(objects) => findings.found.extend(objects.into_iter().map(|object| Found {
                            at: Address::of(resource.clone(), &object),
                            object,
                            source: None,
                        })),
                        Err(refusal) => findings.faults.push(refusal.into()),
                    }
                }
            }
        }
        findings
    }

    fn find_by_files(&self) -> Findings {
        let (infos, faults) = self.infos(false);
        let mut findings = Findings { single: infos.len() == 1, faults, ..Findings::default() };
        for info in infos {
            match api::get(self.cluster, &info.at) {
                Ok(object) => findings.found.push(Found { at: info.at, object, source: Some(info.source) }),
                Err(refusal) => findings.faults.push(refusal.into()),
            }
        }
        findings
    }

    /// The objects that a command must have something to do with.
    pub(crate) fn find_some(&self, words: &[String]) -> Result<Findings, Fault> {
        if words.is_empty() && !self.has_files() {
            return if self.arguments.given("selector") || self.arguments.on("all") {
                said("at least one resource must be specified to use a selector")
            } else {
                said(
                    "You must provide one or more resources by argument or filename.\nExample resource specifications \
                     include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
                )
            };
        }
        let selected = self.arguments.given("selector")
            || self.arguments.given("field-selector")
            || self.arguments.on("all")
            || self.has_files();
        if !selected && words.len() == 1 && !words[0].contains('/') {
            picks(self.cluster, words, false)?;
            return said("resource(s) were provided, but no name was specified");
        }
        self.find(words)
    }

    /// The command line as `--record` keeps it: the words, then the flags.
    pub(crate) fn change_cause(&self) -> Option<String> {
        let flags: String = self.arguments.spelled().map(|flag| format!(" {flag}")).collect();
        let words: String = self.arguments.words.iter().map(|word| format!(" {word}")).collect();
        self.arguments.on("record").then(|| format!("{}{words}{flags}", self.path))
    }
}
