//! Lifecycle hooks, and the signal that asks a container to stop.
//!
//! A `postStart` hook is part of the sync that starts its container: until it is done the status says
//! that the container is being created, and if it fails the container is stopped again.
//!
//! Sources: `pkg/kubelet/lifecycle/handlers.go`; `pkg/kubelet/kuberuntime/kuberuntime_container.go`,
//! `startContainer` and `executePreStopHook`.

use super::application::{Hooked, RunOf};
use super::generate::StartFailure;
use super::machine::{Machine, Scene, run_of};
use super::sight::KubeletEvent;
use super::stopping::KillReason;
use core::time::Duration;
use wavetank_engine::Time;
use wavetank_model::IntOrString;
use wavetank_model::container::{Handler, Hook};
use wavetank_model::strconv::quote;

/// Exit code of a program that is ended by `SIGTERM`.
const ENDED_BY_SIGTERM: i32 = 143;

/// What a container is told, and why, whose hook failed.
const FAILED: &str = "FailedPostStartHook";

/// How a hook goes that begins at a time.
pub(super) fn course(scene: &Scene<'_>, run: RunOf<'_>, hook: &Hook, is_hung: bool, at: Time) -> Hooked {
    match hook {
        Hook::Sleep(seconds) => {
            Hooked { takes: Duration::from_secs(u64::try_from(*seconds).unwrap_or(0)), error: None }
        }
        // The API takes these handlers in, the kubelet knows no hook of that kind.
        Hook::Handler(handler @ (Handler::TcpSocket { .. } | Handler::Grpc { .. })) => {
            Hooked { takes: Duration::ZERO, error: Some(format!("invalid handler: {}", go_shown(handler))) }
        }
        Hook::Handler(_) if is_hung => Hooked { takes: Duration::MAX, error: None },
        Hook::Handler(handler) => scene.application.hook(run, handler, at),
    }
}

/// A handler as Go prints it.
fn go_shown(handler: &Handler) -> String {
    let Handler::TcpSocket { host, port } = handler else { return "&LifecycleHandler{}".into() };
    let port = match port {
        IntOrString::Int(number) => format!("{{0 {number} }}"),
        IntOrString::String(name) => format!("{{1 0 {name}}}"),
    };
    let socket = format!("&TCPSocketAction{{Port:{port},Host:{host},}}");
    format!("&LifecycleHandler{{Exec:nil,HTTPGet:nil,TCPSocket:{socket},Sleep:nil,}}")
}

/// What the status says of a hook that failed.
fn complaint(hook: &Hook, container: &str, pod: &str, error: &str) -> String {
    let of = format!("for Container {} in Pod {} failed - error: {error}", quote(container), quote(pod));
    match hook {
        Hook::Sleep(seconds) => format!("Sleep lifecycle hook ({seconds}) {of}"),
        Hook::Handler(Handler::Exec(command)) => {
            format!("Exec lifecycle hook ([{}]) {of}, message: \"\"", command.join(" "))
        }
        Hook::Handler(Handler::HttpGet(get)) => format!("HTTP lifecycle hook ({}) {of}", get.path),
        Hook::Handler(Handler::TcpSocket { .. } | Handler::Grpc { .. }) => format!("Cannot run handler: {error}"),
    }
}

impl Machine {
    /// How the `postStart` hook of a container goes that has just started, if it has one.
    pub(super) fn post_start(&self, scene: &Scene<'_>, number: usize) -> Option<Hooked> {
        let hook = scene.container(number)?.post_start.as_ref()?;
        let process = self.process(number)?;
        let run = run_of(scene.facts, number, process.run, process.started);
        Some(course(scene, run, hook, process.is_hung, self.now))
    }

    /// Whether the process is gone that a `postStart` hook asks.
    pub(super) fn has_lost_hook(&self, scene: &Scene<'_>, number: usize) -> bool {
        let asks = matches!(scene.container(number).and_then(|spec| spec.post_start.as_ref()), Some(Hook::Handler(_)));
        asks && !self.runs(number)
    }

    /// A `postStart` hook has failed: the container is stopped.
    pub(super) fn fail_post_start(&mut self, scene: &mut Scene<'_>, number: usize, error: &str) -> StartFailure {
        let now = self.now;
        scene.event(now, number, &KubeletEvent::PostStartFailed);
        let message = scene.container(number).and_then(|spec| {
            let hook = spec.post_start.as_ref()?;
            Some(complaint(hook, &spec.name, &self.full_name, error))
        });
        if self.runs(number) {
            self.begin_stop(scene, number, KillReason::Pod, FAILED);
        } else {
            scene.event(now, number, &KubeletEvent::Killing(FAILED));
        }
        StartFailure { reason: "PostStartHookError".into(), message: message.unwrap_or_default().into() }
    }
}

/// The exit code of a container that was asked to stop, given what it would be after `SIGTERM`; none:
/// the signal ends it at once and it has no say.
pub(super) fn code_after(signal: Option<&str>, code: i32) -> Option<i32> {
    match signal.map_or(15, number) {
        9 => None,
        other if code == ENDED_BY_SIGTERM => Some(128 + other),
        _ => Some(code),
    }
}

/// The number of a signal on Linux; what is not known counts as `SIGTERM`.
fn number(signal: &str) -> i32 {
    const NAMES: [&str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ];
    let name = signal.strip_prefix("SIG").unwrap_or(signal);
    let place = NAMES.iter().position(|known| *known == name).and_then(|place| i32::try_from(place).ok());
    let real_time = |start: &str, from: i32, sign: i32| {
        let rest = name.strip_prefix(start)?;
        let offset: i32 = if rest.is_empty() { 0 } else { rest.get(1..)?.parse().ok()? };
        Some(from + sign * offset.clamp(0, 30))
    };
    place
        .map(|place| place + 1)
        .or_else(|| real_time("RTMIN", 34, 1))
        .or_else(|| real_time("RTMAX", 64, -1))
        .unwrap_or(15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_ends_a_program_shows_in_its_exit_code() {
        assert_eq!(code_after(None, 143), Some(143));
        assert_eq!(code_after(Some("SIGQUIT"), 143), Some(131));
        assert_eq!(code_after(Some("SIGUSR1"), 0), Some(0));
        assert_eq!(code_after(Some("SIGRTMIN+3"), 143), Some(165));
        assert_eq!(code_after(Some("SIGRTMAX-14"), 143), Some(178));
        assert_eq!(code_after(Some("SIGRTMIN"), 143), Some(162));
        assert_eq!(code_after(Some("SIGKILL"), 143), None);
        assert_eq!(code_after(Some("SIGRTMIN+"), 143), Some(143));
    }

    #[test]
    fn a_hook_by_a_socket_is_no_hook_that_a_kubelet_knows() {
        let handler = Handler::TcpSocket { host: "".into(), port: IntOrString::Int(80) };
        let shown =
            "&LifecycleHandler{Exec:nil,HTTPGet:nil,TCPSocket:&TCPSocketAction{Port:{0 80 },Host:,},Sleep:nil,}";
        assert_eq!(go_shown(&handler), shown);
    }
}
