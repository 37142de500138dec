use super::*;
use serde_json::json;

fn now() -> Now {
    Now::parse("2026-01-15T12:00:00Z").expect("a time")
}

/// A Deployment with five replicas after one change of its image, and its two ReplicaSets.
fn web() -> (Value, Vec<Value>) {
    let template = |image: &str, hash: Option<&str>| {
        let mut template = json!({
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{
                "name": "web", "image": image, "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "readinessProbe": {"failureThreshold": 3, "periodSeconds": 5, "successThreshold": 1, "timeoutSeconds": 1,
                                   "httpGet": {"path": "/healthz", "port": 80, "scheme": "HTTP"}},
                "resources": {"limits": {"memory": "128Mi"}, "requests": {"cpu": "100m", "memory": "64Mi"}},
            }]},
        });
        if let Some(hash) = hash {
            template["metadata"]["labels"]["pod-template-hash"] = hash.into();
        }
        template
    };
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", "uid": "d", "labels": {"app": "web"},
                     "creationTimestamp": "2026-01-15T11:59:00Z",
                     "annotations": {"deployment.kubernetes.io/revision": "2",
                                     "kubectl.kubernetes.io/last-applied-configuration": "{}\n"}},
        "spec": {"replicas": 5, "selector": {"matchLabels": {"app": "web"}}, "template": template("nginx:1.26", None),
                 "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}}},
        "status": {"replicas": 5, "updatedReplicas": 5, "availableReplicas": 5,
                   "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}]},
    });
    let set = |name: &str, hash: &str, image: &str, replicas: i64, created: &str| {
        json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": name, "namespace": "default", "uid": name, "creationTimestamp": created,
                         "labels": {"app": "web"},
                         "ownerReferences": [{"kind": "Deployment", "name": "web", "uid": "d", "controller": true}]},
            "spec": {"replicas": replicas, "template": template(image, Some(hash))},
            "status": {"replicas": replicas},
        })
    };
    let new = set("web-2", "h2", "nginx:1.26", 5, "2026-01-15T11:59:30Z");
    let old = set("web-1", "h1", "nginx:1.25", 0, "2026-01-15T11:59:00Z");
    (deployment, vec![new, old])
}

#[test]
fn a_deployment_names_its_replica_sets_and_its_events() {
    let (deployment, sets) = web();
    let event = json!({
        "type": "Normal", "reason": "ScalingReplicaSet", "message": "Scaled up", "count": 2,
        "source": {"component": "deployment-controller"},
        "firstTimestamp": "2026-01-15T11:59:00Z", "lastTimestamp": "2026-01-15T11:59:51Z",
        "involvedObject": {"kind": "Deployment", "name": "web", "namespace": "default", "uid": "d"},
    });
    let other = json!({"involvedObject": {"kind": "Deployment", "name": "api", "namespace": "default"}});
    let events = [event, other];
    let related = Related { objects: &sets, events: Some(&events) };
    let expected = "\
Name:                   web
Namespace:              default
CreationTimestamp:      Thu, 15 Jan 2026 11:59:00 +0000
Labels:                 app=web
Annotations:            deployment.kubernetes.io/revision: 2
Selector:               app=web
Replicas:               5 desired | 5 updated | 5 total | 5 available | 0 unavailable
StrategyType:           RollingUpdate
MinReadySeconds:        0
RollingUpdateStrategy:  1 max unavailable, 25% max surge
Pod Template:
  Labels:  app=web
  Containers:
   web:
    Image:      nginx:1.26
    Port:       80/TCP
    Host Port:  0/TCP
    Limits:
      memory:  128Mi
    Requests:
      cpu:         100m
      memory:      64Mi
    Readiness:     http-get http://:80/healthz delay=0s timeout=1s period=5s #success=1 #failure=3
    Environment:   <none>
    Mounts:        <none>
  Volumes:         <none>
  Node-Selectors:  <none>
  Tolerations:     <none>
Conditions:
  Type           Status  Reason
  ----           ------  ------
  Available      True    MinimumReplicasAvailable
OldReplicaSets:  web-1 (0/0 replicas created)
NewReplicaSet:   web-2 (5/5 replicas created)
Events:
  Type    Reason             Age               From                   Message
  ----    ------             ----              ----                   -------
  Normal  ScalingReplicaSet  9s (x2 over 60s)  deployment-controller  Scaled up
";
    assert_eq!(describe(&deployment, &related, now()), expected);
}

#[test]
fn events_are_left_out_if_they_are_not_given_and_none_if_there_are_none() {
    let (deployment, _) = web();
    let text = |events| describe(&deployment, &Related { objects: &[], events }, now());
    assert!(!text(None).contains("Events"));
    assert!(text(Some(&[])).ends_with("Events:       <none>\n"), "{}", text(Some(&[])));
}

#[test]
fn a_template_keeps_its_tabs_where_history_shows_it() {
    let (deployment, _) = web();
    let text = pod_template(&deployment["spec"]["template"]);
    assert!(text.starts_with("Pod Template:\n  Labels:\tapp=web\n  Containers:\n   web:\n    Image:\tnginx:1.26\n"));
    assert!(text.ends_with("  Volumes:\t<none>\n  Node-Selectors:\t<none>\n  Tolerations:\t<none>\n"));
}

#[test]
fn a_service_shows_three_endpoints_and_counts_the_others() {
    let service = json!({
        "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
                 "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
                 "sessionAffinity": "None"},
    });
    let endpoint =
        |last: u8, ready: bool| json!({"addresses": [format!("10.1.0.{last}")], "conditions": {"ready": ready}});
    let slice = json!({
        "kind": "EndpointSlice",
        "metadata": {"namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [endpoint(1, true), endpoint(2, false), endpoint(3, true), endpoint(4, true), endpoint(5, true)],
    });
    let text = describe(&service, &Related { objects: &[slice], events: None }, now());
    assert!(text.contains("\nPort:              http  80/TCP\nTargetPort:        8080/TCP\n"), "{text}");
    assert!(text.contains("Endpoints:         10.1.0.1:8080,10.1.0.3:8080,10.1.0.4:8080 + 1 more...\n"), "{text}");
}

#[test]
fn a_node_sums_up_its_pods() {
    let node = json!({
        "kind": "Node", "metadata": {"name": "n"},
        "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "example.com/gpu": "1"}},
    });
    let pod = |name: &str, cpu: &str| {
        json!({
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "default", "creationTimestamp": "2026-01-15T11:59:00Z"},
            "spec": {"nodeName": "n", "containers": [{"resources": {"requests": {"cpu": cpu, "memory": "64Mi"}}}]},
        })
    };
    let objects = [pod("b", "500m"), pod("a", "1")];
    let text = describe(&node, &Related { objects: &objects, events: None }, now());
    assert!(text.contains("Non-terminated Pods:          (2 in total)\n"), "{text}");
    assert!(text.contains("a       1 (50%)       0 (0%)      64Mi (6%)        0 (0%)         60s\n"), "{text}");
    assert!(text.contains("  cpu                1500m (75%)  0 (0%)\n"), "{text}");
    assert!(text.contains("  example.com/gpu    0            0\n"), "{text}");
}

#[test]
fn kinds_without_a_description_show_their_members() {
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "uid": "u"},
        "spec": {"partCount": 2, "parts": ["a", {"isSmall": true}]},
    });
    let text = describe(&object, &Related::default(), now());
    let expected = "Name:         w\nNamespace:    \nLabels:       <none>\nAnnotations:  <none>\n\
                    API Version:  example.com/v1\nKind:         Widget\nMetadata:\n  UID:  u\nSpec:\n  \
                    Part Count:  2\n  Parts:\n    a\n    Is Small:  true\n";
    assert_eq!(text, expected);
}
