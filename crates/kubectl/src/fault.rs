//! Why a command failed, and the words for it.
//!
//! Source: `kubectl/pkg/cmd/util/helpers.go`, `checkErr`.

use crate::flags::FlagError;
use wavetank_model::{Reason, Refusal};

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server refused a request.
    Refused(Refusal),
    /// The server refused a request that was about a file, or part of something greater.
    RefusedWhile {
        /// What was being done, such as `error when creating "web.yaml"`.
        doing: String,
        /// What the server said.
        refusal: Refusal,
    },
    /// kubectl itself refused.
    Said(String),
    /// The text as it stands, whole lines.
    Verbatim(String),
    /// Arguments that the command `path` does not take.
    Usage {
        /// The command with its parents.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// A flag that must be given was not.
    Required(String),
    /// Several.
    Many(Vec<Self>),
    /// Nothing to say, an exit code only.
    Silent(i32),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<wavetank::Error> for Fault {
    fn from(error: wavetank::Error) -> Self {
        if let wavetank::Error::Refused(refusal) = error {
            return Self::Refused(refusal);
        }
        Self::Said(error.to_string())
    }
}

/// Complaints of a command about itself.
pub(crate) fn said<T>(text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Said(text.into()))
}

impl Fault {
    pub(crate) fn usage(path: &str, error: FlagError) -> Self {
        Self::Usage { path: path.to_owned(), what: error.0 }
    }

    /// The fault with what was being done before it, where a file was the reason.
    pub(crate) fn while_doing(self, doing: &str) -> Self {
        match self {
            Self::Refused(refusal) => Self::RefusedWhile { doing: doing.to_owned(), refusal },
            Self::Said(text) => Self::Said(format!("{doing}: {text}")),
            other @ (Self::RefusedWhile { .. }
            | Self::Verbatim(_)
            | Self::Usage { .. }
            | Self::Required(_)
            | Self::Many(_)
            | Self::Silent(_)) => other,
        }
    }

    /// Whether an object or several were not there, and nothing else is wrong.
    pub(crate) fn is_not_found(&self) -> bool {
        match self {
            Self::Refused(refusal) | Self::RefusedWhile { refusal, .. } => refusal.reason == Reason::NotFound,
            Self::Many(faults) => faults.iter().all(Self::is_not_found),
            Self::Said(_) | Self::Verbatim(_) | Self::Usage { .. } | Self::Required(_) | Self::Silent(_) => false,
        }
    }

    /// One fault of several; none if there is none.
    pub(crate) fn of_many(mut faults: Vec<Self>) -> Result<(), Self> {
        match faults.len() {
            0 => Ok(()),
            1 => Err(faults.remove(0)),
            _ => Err(Self::Many(faults)),
        }
    }

    /// What the server refused, if that is all.
    pub(crate) const fn refusal(&self) -> Option<&Refusal> {
        if let Self::Refused(refusal) = self { Some(refusal) } else { None }
    }

    /// The exit code.
    pub(crate) const fn code(&self) -> i32 {
        match self {
            Self::Silent(code) => *code,
            Self::Refused(_)
            | Self::RefusedWhile { .. }
            | Self::Said(_)
            | Self::Verbatim(_)
            | Self::Usage { .. }
            | Self::Required(_)
            | Self::Many(_) => 1,
        }
    }

    /// What is written to the error stream, whole lines.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Refused(refusal) => refused("", refusal),
            Self::RefusedWhile { doing, refusal } => refused(doing, refusal),
            Self::Said(text) if text.starts_with("error: ") => line(text),
            Self::Said(text) => line(&format!("error: {text}")),
            Self::Verbatim(text) => line(text),
            Self::Usage { path, what } => format!("Error: {what}\nSee '{path} --help' for usage.\n"),
            Self::Required(flag) => {
                // The log line of the command runner, with a time and a process number.
                let what = crate::flags::quoted(&format!("required flag(s) {} not set", crate::flags::quoted(flag)));
                format!("E0101 00:00:00.000000   00001 run.go:72] \"command failed\" err={what}\n")
            }
            Self::Many(faults) => faults.iter().map(Self::words).collect(),
            Self::Silent(_) => String::new(),
        }
    }
}

fn line(text: &str) -> String {
    if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

/// Kind and name in the message of a refusal for invalid fields: `Deployment.apps "web" is invalid: …`.
fn details(message: &str) -> Option<(&str, &str)> {
    let (kind, rest) = message.split_once(" \"")?;
    let (name, rest) = rest.split_once("\" is invalid")?;
    let kind = kind.split('.').next()?;
    (rest.is_empty() || rest.starts_with(':')).then_some((kind, name))
}

fn refused(doing: &str, refusal: &Refusal) -> String {
    let message = if doing.is_empty() { refusal.message.to_string() } else { format!("{doing}: {}", refusal.message) };
    if refusal.reason == Reason::Invalid {
        return match details(&refusal.message) {
            None => line(&format!("The request is invalid: {message}")),
            Some((kind, name)) => invalid(&format!("The {kind} \"{name}\" is invalid"), refusal),
        };
    }
    match refusal.reason.as_str() {
        "" => line(&format!("Error from server: {message}")),
        reason => line(&format!("Error from server ({reason}): {message}")),
    }
}

fn invalid(start: &str, refusal: &Refusal) -> String {
    // The same cause found twice is told once.
    let mut causes: Vec<String> = Vec::new();
    for cause in &refusal.causes {
        let text = format!("{}: {}", cause.field, cause.message);
        if !causes.contains(&text) {
            causes.push(text);
        }
    }
    match causes.as_slice() {
        [] => line(start),
        [only] => format!("{start}: {only}\n"),
        several => several.iter().fold(format!("{start}: \n"), |text, cause| format!("{text}* {cause}\n")),
    }
}
