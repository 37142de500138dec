//! What holds for whatever is applied: output is input, and what was applied changes nothing again.

use proptest::prelude::*;
use std::collections::BTreeMap;
use wavetank::Cluster;
use wavetank_kubectl::{Output, kubectl};

/// A Deployment and a Service for it, with some of what manifests say.
fn manifest() -> impl Strategy<Value = String> {
    let name = "app[a-z0-9]{0,8}";
    let image = prop::sample::select(vec!["nginx", "nginx:1.25", "registry.example/team/app:v2"]);
    let annotation =
        prop::sample::select(vec!["", "yes", "1", "true", "a: b", "two\nlines", "tab\there", "# no comment"]);
    let port = 1..=65_535_u32;
    (name, 0..=4_u8, image, annotation, port, 0..=3_u8).prop_map(|(name, replicas, image, annotation, port, surge)| {
        let annotation = serde_json::Value::from(annotation);
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n  selector: {{app: {name}}}\n  ports: [{{port: \
             {port}}}]\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  annotations: {{note: \
             {annotation}}}\nspec:\n  replicas: {replicas}\n  strategy: {{type: RollingUpdate, rollingUpdate: {{maxSurge: {surge}}}}}\n  \
             selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{containers: \
             [{{name: {name}, image: \"{image}\", ports: [{{containerPort: {port}}}]}}]}}\n"
        )
    })
}

fn run(cluster: &mut Cluster, files: &[(&str, &str)], line: &str) -> Output {
    let files: BTreeMap<String, String> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    kubectl(cluster, &files, line)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_as_yaml_reads_as_what_is_printed_as_json(text in manifest()) {
        let mut cluster = Cluster::builder().build();
        prop_assert_eq!(run(&mut cluster, &[("all.yaml", &text)], "apply -f all.yaml").stderr, "");
        cluster.run_for(core::time::Duration::from_secs(5));
        for what in ["deployments", "services", "replicasets", "pods", "events", "nodes", "namespaces", "endpointslices"] {
            let yaml = run(&mut cluster, &[], &format!("get {what} -o yaml")).stdout;
            let json = run(&mut cluster, &[], &format!("get {what} -o json")).stdout;
            let read = wavetank_manifest::parse_yaml(&yaml).expect("printed YAML is YAML");
            let expected: serde_json::Value = serde_json::from_str(&json).expect("printed JSON is JSON");
            prop_assert_eq!(&read, &[expected]);
        }
    }

    #[test]
    fn applying_an_objects_own_output_changes_nothing(text in manifest()) {
        let mut cluster = Cluster::builder().build();
        let before = run(&mut cluster, &[("all.yaml", &text)], "apply -f all.yaml");
        prop_assert_eq!(before.code, 0);
        cluster.run_for(core::time::Duration::from_secs(5));
        let again = run(&mut cluster, &[("all.yaml", &text)], "apply -f all.yaml").stdout;
        prop_assert!(again.lines().all(|line| line.ends_with(" unchanged")), "{}", again);
        let own = run(&mut cluster, &[], "get deployments,services -o yaml").stdout;
        let replaced = run(&mut cluster, &[("own.yaml", &own)], "apply -f own.yaml --dry-run=server");
        prop_assert_eq!(replaced.code, 0, "{}", replaced.stderr);
        let after = run(&mut cluster, &[("own.yaml", &own)], "replace -f own.yaml");
        prop_assert_eq!(after.code, 0, "{}", after.stderr);
        prop_assert_eq!(run(&mut cluster, &[], "get deployments,services -o yaml").stdout, own);
    }

    #[test]
    fn a_refused_object_of_a_folder_keeps_no_other_from_being_applied(text in manifest()) {
        let mut cluster = Cluster::builder().build();
        let bad = text.replace("replicas: ", "replicas: -1");
        let files = [("dir/a.yaml", text.as_str()), ("dir/b.yaml", bad.as_str())];
        let said = run(&mut cluster, &files, "apply -f dir");
        prop_assert_eq!(said.code, 1);
        let made = said.stdout.lines().filter(|line| line.ends_with(" created")).count();
        prop_assert_eq!(made, 2, "{}{}", said.stdout, said.stderr);
        prop_assert!(said.stderr.contains("is invalid: spec.replicas"), "{}", said.stderr);
    }

    #[test]
    fn a_dry_run_changes_nothing(text in manifest(), verb in prop::sample::select(vec!["apply", "create"])) {
        let mut cluster = Cluster::builder().build();
        let before = cluster.digest();
        for how in ["client", "server"] {
            let said = run(&mut cluster, &[("all.yaml", &text)], &format!("{verb} -f all.yaml --dry-run={how}"));
            prop_assert_eq!(said.code, 0, "{}", said.stderr);
        }
        prop_assert_eq!(cluster.digest(), before);
    }

    #[test]
    fn no_line_is_too_strange(
        line in "(get|apply|patch|set image|rollout|create|label|wait|delete|scale|describe)? ?[ -~]{0,60}",
    ) {
        let mut cluster = Cluster::builder().build();
        let said = run(&mut cluster, &[], &line);
        prop_assert!(said.code == 0 || !said.stderr.is_empty(), "{}", line);
    }
}

/// The patch strategy of a Deployment's `strategy` is `retainKeys`: a type that only the server wrote is one key too many each time.
#[test]
fn a_strategy_without_its_type_is_configured_at_each_apply_as_kubectl_has_it() {
    let text = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  strategy: {rollingUpdate: {maxSurge: 1}}
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec: {containers: [{name: app, image: nginx}]}
";
    let mut cluster = Cluster::builder().build();
    assert_eq!(run(&mut cluster, &[("app.yaml", text)], "apply -f app.yaml").stdout, "deployment.apps/app created\n");
    let generation =
        |cluster: &mut Cluster| run(cluster, &[], "get deployment app -o jsonpath={.metadata.generation}").stdout;
    let before = generation(&mut cluster);
    assert_eq!(
        run(&mut cluster, &[("app.yaml", text)], "apply -f app.yaml").stdout,
        "deployment.apps/app configured\n"
    );
    assert_eq!(generation(&mut cluster), before, "the server changes nothing");
}
