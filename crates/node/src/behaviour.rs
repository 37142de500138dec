//! What an image does, as the machine of a pod asks for it.

use crate::draw;
use crate::image::{Failures, Health};
use crate::pod::{Answer, Application, Hooked, ProbeKind, Pull, Run, RunOf, Stopping, Verdict};
use crate::{ImageBehaviour, Kubelet, PodContext};
use core::time::Duration;
use std::sync::Arc;
use wavetank_engine::Time;
use wavetank_model::container::Handler;

/// The containers of one pod, behaving as their images do.
#[derive(Clone, Copy, Debug)]
pub struct Behaving<'a> {
    /// Who knows the images.
    pub kubelet: &'a Kubelet,
    /// The pod.
    pub pod: PodContext<'a>,
}

impl Behaving<'_> {
    fn of(&self, run: RunOf<'_>) -> &ImageBehaviour {
        self.kubelet.behaviour_of(self.pod.uid, run.name, run.image)
    }

    /// The behaviour of the first container with an image.
    fn of_image(&self, image: &str) -> &ImageBehaviour {
        let facts = self.pod.facts;
        let mut all = facts.init_containers.iter().chain(&facts.containers);
        let name = all.find(|container| &*container.image == image).map_or("", |container| &*container.name);
        self.kubelet.behaviour_of(self.pod.uid, name, image)
    }

    /// From the start of a run to its first answer; none: never.
    #[must_use]
    pub fn answers_after(&self, run: RunOf<'_>) -> Option<Duration> {
        let behaviour = self.of(run);
        if behaviour.never_ready {
            return None;
        }
        Some(behaviour.stretch(&self.pod, behaviour.ready_after, draw::ANSWER, run.run))
    }
}

impl Application for Behaving<'_> {
    fn pull(&self, image: &str, attempt: u32) -> Pull {
        let behaviour = self.of_image(image);
        let fails = match behaviour.pull_failures {
            Failures::Never => false,
            Failures::First(tries) => attempt < tries,
            Failures::Always => true,
        };
        let error = fails.then(|| {
            format!(
                "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
            )
        });
        Pull { takes: behaviour.stretch(&self.pod, behaviour.pull, draw::PULL, attempt), error }
    }

    fn start_takes(&self, run: RunOf<'_>) -> Duration {
        self.of(run).start_time(&self.pod, run.run)
    }

    fn run(&self, run: RunOf<'_>) -> Run {
        let behaviour = self.of(run);
        let exit = behaviour.exit.filter(|exit| exit.runs.is_none_or(|runs| run.run < runs)).map(|exit| {
            let number = draw::number(self.pod.seed, self.pod.uid, draw::EXIT, run.run);
            let later = draw::stretch(Duration::ZERO.saturating_add(behaviour.exit_spread), 100, number);
            (exit.after.saturating_add(later.saturating_sub(behaviour.exit_spread)), exit.code)
        });
        // An init container without a word about its end has its work done at once.
        let init = self.pod.facts.init_containers.get(run.container);
        let is_task = init.is_some_and(|container| !container.is_restartable_init());
        let exit = exit.or(is_task.then_some((Duration::ZERO, 0)));
        Run { exit, ready_after: self.answers_after(run).unwrap_or(Duration::MAX) }
    }

    fn stop(&self, run: RunOf<'_>) -> Stopping {
        let behaviour = self.of(run);
        Stopping { takes: behaviour.shutdown, code: behaviour.stop_code }
    }

    fn probe(&self, run: RunOf<'_>, kind: ProbeKind, at: Time) -> Answer {
        let behaviour = self.of(run);
        let refused = Answer { verdict: Verdict::Failure, latency: Duration::ZERO, holds_until: None };
        let Some(answers) = self.answers_after(run).map(|after| run.started + after) else { return refused };
        if at < answers {
            return Answer { holds_until: Some(answers), ..refused };
        }
        let (health, until) = behaviour.health_at(run.started, at);
        let verdict = match (health, kind) {
            (Health::Well, _) | (Health::Unready, ProbeKind::Liveness) => Verdict::Success,
            (Health::Unready, ProbeKind::Readiness | ProbeKind::Startup) | (Health::Failing, _) => Verdict::Failure,
            (Health::Hung, _) => Verdict::Hang,
        };
        let (slower_by, slower_until) = behaviour.slower_at(run.started, at);
        let holds_until = until.into_iter().chain(slower_until).min();
        Answer { verdict, latency: behaviour.latency.saturating_add(slower_by), holds_until }
    }

    fn hook(&self, run: RunOf<'_>, handler: &Handler, at: Time) -> Hooked {
        let behaviour = self.of(run);
        let failed = |error: String| Hooked { takes: behaviour.hook, error: Some(error) };
        match handler {
            Handler::Exec(command) => match behaviour.hook_code {
                0 => Hooked { takes: behaviour.hook, error: None },
                code => failed(format!("command '{}' exited with {code}: ", command.join(" "))),
            },
            // Whatever the status code of the response, it is one.
            Handler::HttpGet(get) => {
                let answers = self.answers_after(run).is_some_and(|after| run.started + after <= at);
                match behaviour.health_at(run.started, at).0 {
                    Health::Hung => Hooked { takes: Duration::MAX, error: None },
                    Health::Well | Health::Unready | Health::Failing if answers => {
                        Hooked { takes: behaviour.hook, error: None }
                    }
                    Health::Well | Health::Unready | Health::Failing => {
                        failed(format!("Get \"{}\": connect: connection refused", get.path))
                    }
                }
            }
            Handler::TcpSocket { .. } | Handler::Grpc { .. } => Hooked::default(),
        }
    }

    fn exit_message(&self, run: RunOf<'_>) -> Arc<str> {
        self.of(run).termination_message.clone().unwrap_or_else(|| "".into())
    }

    fn output(&self, run: RunOf<'_>, kind: ProbeKind) -> String {
        let facts = self.pod.facts;
        let container = facts.init_containers.iter().chain(&facts.containers).nth(run.container);
        let probe = container.and_then(|container| match kind {
            ProbeKind::Startup => container.startup.as_ref(),
            ProbeKind::Readiness => container.readiness.as_ref(),
            ProbeKind::Liveness => container.liveness.as_ref(),
        });
        match probe.map(|probe| &probe.handler) {
            Some(Handler::HttpGet(_)) => "HTTP probe failed with statuscode: 503".into(),
            Some(Handler::TcpSocket { .. }) => "connect: connection refused".into(),
            Some(Handler::Grpc { .. }) => "service unhealthy (responded with \"NOT_SERVING\")".into(),
            Some(Handler::Exec(_)) | None => String::new(),
        }
    }
}
