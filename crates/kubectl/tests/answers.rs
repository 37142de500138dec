//! What single commands answer: flags that change an answer, and arguments that speak of several objects.

use std::collections::BTreeMap;
use wavetank::Cluster;
use wavetank_kubectl::kubectl;

/// A cluster with a Deployment `web` of two, its Service and a config map.
fn cluster() -> Cluster {
    let mut cluster = Cluster::builder().build();
    for line in [
        "create deployment web --image=nginx --replicas=2 --port=80",
        "expose deployment web",
        "create configmap settings --from-literal=log.level=debug --from-literal=mode=fast",
        "wait deployment/web --for=condition=available",
    ] {
        assert_eq!(kubectl(&mut cluster, &(), line).code, 0, "{line}");
    }
    cluster
}

#[track_caller]
fn check(cluster: &mut Cluster, line: &str, expected: &str) {
    let said = kubectl(cluster, &(), line);
    assert_eq!(format!("{}{}", said.stdout, said.stderr), expected, "{line}");
}

#[test]
fn columns_of_ones_own_come_without_headers_if_asked_for() {
    let mut cluster = cluster();
    let line = "get deployments -o custom-columns=N:.metadata.name,LONGER:.spec.replicas";
    check(&mut cluster, line, "N     LONGER\nweb   2\n");
    check(&mut cluster, &format!("{line} --no-headers"), "web   2\n");
    check(&mut cluster, "get deployment web -o custom-columns=NAME:.metadata.name --no-headers", "web\n");
}

#[test]
fn each_name_is_looked_up_in_each_resource() {
    let mut cluster = cluster();
    check(&mut cluster, "get deploy,svc web -o name", "deployment.apps/web\nservice/web\n");
    check(
        &mut cluster,
        "delete deploy,svc web other",
        "deployment.apps \"web\" deleted\nservice \"web\" deleted\nError from server (NotFound): deployments.apps \"other\" not \
         found\nError from server (NotFound): services \"other\" not found\n",
    );
}

#[test]
fn a_service_may_select_something_else_than_what_it_was_made_for() {
    let mut cluster = cluster();
    check(
        &mut cluster,
        "expose deployment web --name=other --port=80 --selector=tier=front -l a=b",
        "service/other exposed\n",
    );
    check(
        &mut cluster,
        "get service other -o jsonpath='{.spec.selector} {.metadata.labels}'",
        "{\"tier\":\"front\"} {\"a\":\"b\"}",
    );
}

#[test]
fn variables_are_taken_from_a_config_map() {
    let mut cluster = cluster();
    check(
        &mut cluster,
        "set env deployment/web --from=configmap/none",
        "Error from server (NotFound): configmaps \"none\" not found\n",
    );
    check(
        &mut cluster,
        "set env deployment/web --from=configmap/settings --prefix=WEB_ A=b",
        "deployment.apps/web env updated\n",
    );
    check(
        &mut cluster,
        "set env deployment/web --list",
        "# Deployment web, container nginx\n# WEB_LOG_LEVEL from configmap settings, key log.level\n# WEB_MODE from \
         configmap settings, key mode\nA=b\n",
    );
    check(
        &mut cluster,
        "set env deployment/web --keys=mode",
        "error: when specifying --keys, a configmap or secret must be provided with --from\n",
    );
}

#[test]
fn an_autoscaler_is_made_for_shares_and_for_amounts() {
    let mut cluster = cluster();
    check(
        &mut cluster,
        "autoscale deployment web --max=5 --cpu=70% --memory=100Mi",
        "horizontalpodautoscaler.autoscaling/web autoscaled\n",
    );
    check(
        &mut cluster,
        "get hpa web -o jsonpath='{range .spec.metrics[*]}{.resource.name} {.resource.target}{\"\\n\"}{end}'",
        "cpu {\"averageUtilization\":70,\"type\":\"Utilization\"}\nmemory {\"averageValue\":\"100Mi\",\"type\":\"AverageValue\"}\n",
    );
}

#[test]
fn a_patch_that_is_no_yaml_is_refused_in_kubectls_words() {
    let mut cluster = cluster();
    check(
        &mut cluster,
        "patch deployment web -p '{bad'",
        "error: unable to parse \"{bad\": yaml: line 1: did not find expected ',' or '}'\n",
    );
}

#[test]
fn priorities_of_the_system_are_there_from_the_start() {
    let mut cluster = cluster();
    check(
        &mut cluster,
        "get priorityclasses -o name",
        "priorityclass.scheduling.k8s.io/system-cluster-critical\npriorityclass.scheduling.k8s.io/system-node-critical\n",
    );
    check(&mut cluster, "get pc -l a=b", "No resources found\n");
    check(
        &mut cluster,
        "get pc system-node-critical --field-selector metadata.name=system-node-critical -o jsonpath='{.value}'",
        "error: name cannot be provided when a selector is specified\n",
    );
    check(
        &mut cluster,
        "get pc --field-selector metadata.name=system-node-critical -o jsonpath='{.items[*].value}'",
        "2000001000",
    );
}

#[test]
fn replacing_by_force_deletes_all_before_it_makes_any() {
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: \
                    {name: b}\n";
    let files: BTreeMap<String, String> = [("both.yaml".to_owned(), manifest.to_owned())].into();
    let mut cluster = cluster();
    assert_eq!(kubectl(&mut cluster, &files, "create -f both.yaml").code, 0);
    let said = kubectl(&mut cluster, &files, "replace --force -f both.yaml");
    let expected = "configmap \"a\" deleted\nconfigmap \"b\" deleted\nconfigmap/a replaced\nconfigmap/b replaced\n";
    assert_eq!(said.stdout, expected);
}

#[test]
fn applying_by_force_makes_anew_what_cannot_be_changed_and_keeps_what_cannot_be_made() {
    let mut cluster = cluster();
    let manifest = |label: &str, port: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: api}}\nspec:\n  replicas: 1\n  \
             selector: {{matchLabels: {{app: {label}}}}}\n  template:\n    metadata: {{labels: {{app: {label}}}}}\n    \
             spec: {{containers: [{{name: api, image: nginx, ports: [{{containerPort: {port}}}]}}]}}\n"
        )
    };
    let mut applied = |text: String, line: &str| {
        let files: BTreeMap<String, String> = [("api.yaml".to_owned(), text)].into();
        let said = kubectl(&mut cluster, &files, line);
        let uid = kubectl(&mut cluster, &(), "get deploy api -o jsonpath={.metadata.uid}").stdout;
        let label = kubectl(&mut cluster, &(), "get deploy api -o jsonpath={.spec.selector.matchLabels.app}").stdout;
        (format!("{}{}", said.stdout, said.stderr), uid, label)
    };
    let (_, first, _) = applied(manifest("a", "80"), "apply -f api.yaml");
    let (said, same, label) = applied(manifest("b", "80"), "apply -f api.yaml");
    assert!(said.contains("field is immutable") && same == first && label == "a", "{said}");
    let (said, second, label) = applied(manifest("b", "80"), "apply -f api.yaml --force");
    assert_eq!((said.as_str(), label.as_str()), ("deployment.apps/api configured\n", "b"));
    assert_ne!(first, second);
    // What is refused even for a new object leaves one as it was before.
    let (said, third, label) = applied(manifest("c", "0"), "apply -f api.yaml --force");
    assert!(said.starts_with("error: An error occurred force-replacing the existing object"), "{said}");
    assert!(!said.contains("Additionally") && third != second && label == "b", "{said}");
}
