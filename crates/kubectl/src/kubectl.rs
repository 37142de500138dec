//! From a command line to what it says.

use crate::command::{COMMANDS, Command, Watching};
use crate::fault::Fault;
use crate::files::Files;
use crate::flags::{Arguments, FlagError, quoted};
use crate::run::Run;
use wavetank::Cluster;

/// What a command said, and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Output {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Exit code; 0 means success.
    pub code: i32,
}

/// Carries out a command line on a cluster; the word `kubectl` may be there or not.
///
/// Commands that wait, such as `rollout status`, let virtual time pass until they are done. All other
/// commands take no time. `kubectl get --watch` goes on for as long as `--request-timeout` says, else
/// for five minutes or until nothing is left that could happen; [`watch`] leaves that to the caller.
///
/// ```
/// use wavetank::Cluster;
///
/// let mut cluster = Cluster::builder().build();
/// let made = wavetank_kubectl::kubectl(&mut cluster, &(), "kubectl create deployment web --image=nginx");
/// assert_eq!(made.stdout, "deployment.apps/web created\n");
/// let done = wavetank_kubectl::kubectl(&mut cluster, &(), "rollout status deploy/web");
/// assert!(done.stdout.ends_with("deployment \"web\" successfully rolled out\n"));
/// ```
pub fn kubectl(cluster: &mut Cluster, files: &dyn Files, line: &str) -> Output {
    let (mut run, command) = match prepared(cluster, files, line) {
        Ok(both) => both,
        Err(output) => return output,
    };
    let result = (command.run)(&mut run);
    finished(run, result)
}

/// Begins what a `get --watch` asks for.
///
/// # Errors
/// What the command says if it is none, or cannot be begun.
pub fn watch(cluster: &mut Cluster, files: &dyn Files, line: &str) -> Result<(Watch, String), Output> {
    let (mut run, command) = prepared(cluster, files, line)?;
    if command.words != "get" {
        return Err(finished(run, Err(Fault::Said("only get can be watched".to_owned()))));
    }
    match Watching::begin(&mut run) {
        Ok(watching) => Ok((Watch { watching }, finished(run, Ok(())).stdout)),
        Err(fault) => Err(finished(run, Err(fault))),
    }
}

/// A `get --watch` under way.
#[derive(Clone, Debug)]
pub struct Watch {
    watching: Watching,
}

impl Watch {
    /// The lines for what has happened since this was asked last.
    ///
    /// # Errors
    /// What the command says if an object cannot be printed as asked for.
    pub fn lines(&mut self, cluster: &mut Cluster) -> Result<String, Output> {
        self.watching.text(cluster).map_err(|fault| failed(&fault))
    }
}

fn failed(fault: &Fault) -> Output {
    Output { stdout: String::new(), stderr: fault.words(), code: fault.code() }
}

fn finished(run: Run<'_>, result: Result<(), Fault>) -> Output {
    let mut output = Output { stdout: run.out, stderr: run.err, code: 0 };
    if let Err(fault) = result {
        output.stderr.push_str(&fault.words());
        output.code = fault.code();
    }
    output
}

/// Reads a command line up to the point where it can be carried out.
fn prepared<'a>(
    cluster: &'a mut Cluster,
    files: &'a dyn Files,
    line: &str,
) -> Result<(Run<'a>, &'static Command), Output> {
    let words = shell_words::split(line).map_err(|error| failed(&Fault::Said(error.to_string())))?;
    let words: Vec<String> = words.into_iter().skip_while(|word| word == "kubectl").collect();
    let (command, rest) = find(&words).map_err(|fault| failed(&fault))?;
    let path = format!("kubectl {}", command.words);
    let arguments = Arguments::read(command.flags, &rest).map_err(|error| failed(&Fault::usage(&path, error)))?;
    let mut run = Run { cluster, files, path, arguments, out: String::new(), err: String::new() };
    if run.arguments.on("help") {
        run.say(&usage(command));
        return Err(finished(run, Ok(())));
    }
    if run.arguments.given("record") {
        run.warn("Flag --record has been deprecated, --record will be removed in the future");
    }
    match elsewhere(&run.arguments) {
        Some(fault) => Err(finished(run, Err(fault))),
        None => Ok((run, command)),
    }
}

/// Other clusters that flags may ask for; there are none.
fn elsewhere(arguments: &Arguments) -> Option<Fault> {
    if let Some(server) = arguments.text("server") {
        let host = server.split_once("://").map_or(server, |(_, host)| host).trim_end_matches('/');
        let what = format!(
            "couldn't get current server API group list: Get \"{server}/api?timeout=32s\": dial tcp {host}: connect: \
             connection refused"
        );
        let line =
            format!("E0101 00:00:00.000000   00001 memcache.go:265] \"Unhandled Error\" err={}\n", quoted(&what));
        let text = format!(
            "{}The connection to the server {host} was refused - did you specify the right host or port?\n",
            line.repeat(5)
        );
        return Some(Fault::Verbatim(text));
    }
    let missing = |what: &str, name: &str| {
        let text = format!("Error in configuration: {what} was not found for specified context: {name}");
        Fault::Verbatim(text)
    };
    arguments.text("context").map(|name| missing("context", name))
}

/// The command that words begin with, and its arguments.
fn find(words: &[String]) -> Result<(&'static Command, Vec<String>), Fault> {
    // Flags may stand before the command and between its words.
    let mut rest: Vec<String> = Vec::new();
    let mut named: Vec<String> = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if word.starts_with('-') {
            rest.push(word.clone());
            if takes_the_next(word) {
                rest.extend(words.next().cloned());
            }
            continue;
        }
        let longer = named.iter().map(String::as_str).chain([word.as_str()]).collect::<Vec<_>>().join(" ");
        let fits = |command: &&Command| command.words == longer || command.words.starts_with(&format!("{longer} "));
        if NOT_SIMULATED.contains(&longer.as_str()) {
            return Err(Fault::Said(format!("not simulated: {longer}")));
        }
        if !COMMANDS.iter().any(|command| fits(&command)) {
            rest.push(word.clone());
            break;
        }
        named.push(word.clone());
    }
    rest.extend(words.cloned());
    let path = named.join(" ");
    if let Some(command) = COMMANDS.iter().find(|command| command.words == path) {
        return Ok((command, rest));
    }
    let plain: Vec<&str> = rest.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    if path.is_empty() {
        return Err(match plain.first() {
            Some(word) => Fault::Verbatim(format!("Error: unknown command {} for \"kubectl\"", quoted(word))),
            None => match rest.first().filter(|word| *word != "--help" && *word != "-h") {
                Some(flag) => unknown_flag(flag),
                None => Fault::Verbatim(overview("")),
            },
        });
    }
    if plain.is_empty() {
        return Err(Fault::Verbatim(overview(&path)));
    }
    let what = quoted(&plain.join(" "));
    Err(Fault::Said(format!("unknown command {what}\nSee 'kubectl {path} -h' for help and examples")))
}

/// Commands that kubectl has, and that do nothing here.
const NOT_SIMULATED: [&str; 28] = [
    "alpha",
    "apply edit-last-applied",
    "attach",
    "auth reconcile",
    "auth whoami",
    "certificate",
    "cluster-info dump",
    "completion",
    "config",
    "cp",
    "create clusterrole",
    "create clusterrolebinding",
    "create pc",
    "create priorityclass",
    "create role",
    "create rolebinding",
    "create sa",
    "create secret",
    "create serviceaccount",
    "create token",
    "debug",
    "kuberc",
    "kustomize",
    "options",
    "plugin",
    "port-forward",
    "proxy",
    "set subject",
];

fn unknown_flag(flag: &str) -> Fault {
    let table = "";
    let error = Arguments::read(table, &[flag.to_owned()]).err();
    Fault::usage("kubectl", error.unwrap_or_else(|| FlagError(format!("unknown flag: {flag}"))))
}

/// Whether a flag before the command takes the word after it.
fn takes_the_next(word: &str) -> bool {
    const TAKING: [&str; 8] =
        ["-n", "--namespace", "--context", "-s", "--server", "--kubeconfig", "--user", "--request-timeout"];
    TAKING.contains(&word)
}

/// The commands below a path.
fn overview(path: &str) -> String {
    let below = COMMANDS.iter().filter(|command| path.is_empty() || command.words.starts_with(path));
    let lines: String = below.map(|command| format!("  {}\n", command.words)).collect();
    format!("Commands:\n{lines}\nUse \"kubectl <command> --help\" for the flags of a command.\n")
}

/// The flags of a command.
fn usage(command: &Command) -> String {
    let flags = command.flags.split_whitespace().map(|entry| {
        let names = entry.split(':').next().unwrap_or_default();
        match names.split_once(',') {
            Some((name, short)) => format!("  -{short}, --{name}"),
            None => format!("      --{names}"),
        }
    });
    let flags: Vec<String> = flags.collect();
    format!("Usage:\n  kubectl {} [flags]\n\nFlags:\n{}", command.words, flags.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> String {
        let mut cluster = Cluster::builder().build();
        let output = kubectl(&mut cluster, &(), line);
        format!("{}{}", output.stdout, output.stderr)
    }

    #[test]
    fn unknown_words_are_refused_in_kubectls_words() {
        assert_eq!(said("kubectl frobnicate"), "Error: unknown command \"frobnicate\" for \"kubectl\"\n");
        assert_eq!(
            said("rollout frob deploy/web"),
            "error: unknown command \"frob deploy/web\"\nSee 'kubectl rollout -h' for help and examples\n"
        );
        assert_eq!(
            said("get deploy web extra --foo"),
            "Error: unknown flag: --foo\nSee 'kubectl get --help' for usage.\n"
        );
    }

    #[test]
    fn commands_that_kubectl_has_are_not_unknown() {
        assert_eq!(said("kubectl port-forward svc/web 80"), "error: not simulated: port-forward\n");
        assert_eq!(said("create secret generic s --from-literal=a=b"), "error: not simulated: create secret\n");
        assert_eq!(said("cluster-info dump"), "error: not simulated: cluster-info dump\n");
    }

    #[test]
    fn a_flag_that_a_command_cannot_do_without_is_asked_for_first() {
        let wanted = "E0101 00:00:00.000000   00001 run.go:72] \"command failed\" err=\"required flag(s) \\\"image\\\" \
                      not set\"\n";
        assert_eq!(said("run"), wanted);
        assert_eq!(said("run web"), wanted);
        assert_eq!(said("create deployment web"), wanted);
    }

    #[test]
    fn flags_may_stand_before_the_command() {
        assert_eq!(said("-n kube-system get pods"), "No resources found in kube-system namespace.\n");
        assert_eq!(said("kubectl --namespace=x get deploy"), "No resources found in x namespace.\n");
    }

    #[test]
    fn unfinished_quotes_are_no_command() {
        assert!(said("get 'pods").starts_with("error: "));
    }
}
