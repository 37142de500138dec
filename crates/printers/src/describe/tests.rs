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

#[test]
fn an_autoscaler_shows_each_kind_of_metric_in_its_words() {
    let hpa = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "default", "creationTimestamp": "2026-01-15T11:59:00Z"},
        "spec": {"maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "metrics": [
            {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 50}}},
            {"type": "ContainerResource",
             "containerResource": {"name": "memory", "container": "app", "target": {"averageValue": "64Mi"}}},
            {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"averageValue": "10"}}},
            {"type": "Object", "object": {"metric": {"name": "lag"}, "target": {"type": "Value", "value": "2k"},
                                          "describedObject": {"kind": "Ingress", "name": "main"}}},
            {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"averageValue": "30"}}},
        ]},
        "status": {"currentReplicas": 2, "desiredReplicas": 3, "currentMetrics": [
            {"type": "Resource", "resource": {"current": {"averageUtilization": 80, "averageValue": "80m"}}},
            {"type": "ContainerResource", "containerResource": {"current": {"averageValue": "32Mi"}}},
            {"type": "Pods", "pods": {"current": {"averageValue": "12"}}},
            {"type": "Object", "object": {"current": {"value": "1k"}}},
        ]},
    });
    let text = describe(&hpa, &Related::default(), now());
    let expected = "\
Name:                                                  web
Namespace:                                             default
Labels:                                                <none>
Annotations:                                           <none>
CreationTimestamp:                                     Thu, 15 Jan 2026 11:59:00 +0000
Reference:                                             Deployment/web
Metrics:                                               ( current / target )
  resource cpu on pods  (as a percentage of request):  80% (80m) / 50%
  resource memory of container \"app\" on pods:          32Mi / 64Mi
  \"rps\" on pods:                                       12 / 10
  \"lag\" on Ingress/main (target value):                1k / 2k
  \"queue\" (target average value):                      <unknown> / 30
Min replicas:                                          <unset>
Max replicas:                                          5
Deployment pods:                                       2 current / 3 desired
";
    assert_eq!(text, expected);
}

#[test]
fn an_ingress_shows_the_endpoints_behind_its_paths() {
    let ingress = json!({
        "kind": "Ingress", "metadata": {"name": "main", "namespace": "default"},
        "spec": {"ingressClassName": "nginx", "tls": [{"secretName": "cert", "hosts": ["a.example", "b.example"]}],
                 "rules": [{"host": "a.example", "http": {"paths": [
                     {"path": "/", "backend": {"service": {"name": "web", "port": {"number": 80}}}},
                     {"path": "/api", "backend": {"service": {"name": "api", "port": {"name": "http"}}}},
                 ]}}]},
    });
    let service = json!({
        "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"ports": [{"name": "http", "port": 80}]},
    });
    let slice = json!({
        "kind": "EndpointSlice",
        "metadata": {"namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": ["10.1.0.1"]}],
    });
    let text = describe(&ingress, &Related { objects: &[service, slice], events: None }, now());
    let expected = "\
Name:             main
Labels:           <none>
Namespace:        default
Address:          
Ingress Class:    nginx
Default backend:  <default>
TLS:
  cert terminates a.example,b.example
Rules:
  Host        Path  Backends
  ----        ----  --------
  a.example   
              /      web:80 (10.1.0.1:8080)
              /api   api:http (<error: services \"api\" not found>)
Annotations:  <none>
";
    assert_eq!(text, expected);
}

#[test]
fn maps_are_shown_with_their_data_and_budgets_with_their_counts() {
    let map = json!({
        "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "default"},
        "data": {"b": "two\nlines", "a": "1"}, "binaryData": {"z": "AAEC"},
    });
    let expected = "Name:         m\nNamespace:    default\nLabels:       <none>\nAnnotations:  <none>\n\n\
                    Data\n====\na:\n----\n1\n\nb:\n----\ntwo\nlines\n\n\nBinaryData\n====\nz: 3 bytes\n\n\
                    Events:  <none>\n";
    assert_eq!(describe(&map, &Related { objects: &[], events: Some(&[]) }, now()), expected);
    let budget = json!({
        "kind": "PodDisruptionBudget", "metadata": {"name": "p", "namespace": "default"},
        "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3},
    });
    let expected = "Name:           p\nNamespace:      default\nMin available:  50%\nSelector:       app=web\nStatus:\n    \
                    Allowed disruptions:  1\n    Current:              3\n    Desired:              2\n    \
                    Total:                3\n";
    assert_eq!(describe(&budget, &Related::default(), now()), expected);
}

#[test]
fn a_pod_tells_what_its_containers_do_and_did() {
    let pod = json!({
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default", "deletionTimestamp": "2026-01-15T11:59:30Z",
                     "deletionGracePeriodSeconds": 30, "annotations": {"note": "x".repeat(150)}},
        "spec": {
            "containers": [{
                "name": "web", "image": "nginx:1.25", "command": ["sh", "-c", "a\nb"],
                "env": [{"name": "MODE", "value": "fast"},
                        {"name": "POD", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
                        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                "envFrom": [{"configMapRef": {"name": "m"}, "prefix": "P_"}],
                "volumeMounts": [{"name": "data", "mountPath": "/data", "subPath": "a"}],
            }],
            "volumes": [{"name": "data", "emptyDir": {"sizeLimit": "1Gi"}}],
        },
        "status": {"phase": "Running", "containerStatuses": [{
            "name": "web", "restartCount": 2, "ready": false,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"reason": "Error", "exitCode": 1, "startedAt": "2026-01-15T11:58:00Z",
                                         "finishedAt": "2026-01-15T11:58:10Z"}},
        }]},
    });
    let text = describe(&pod, &Related::default(), now());
    let long = format!("Annotations:               note:\n                             {}...\n", "x".repeat(138));
    assert!(text.contains(&long), "{text}");
    for part in [
        "Status:                    Terminating (lasts 30s)\nTermination Grace Period:  30s\n",
        "    Command:\n      sh\n      -c\n      a\n      b\n",
        "    State:          Waiting\n      Reason:       CrashLoopBackOff\n    Last State:     Terminated\n",
        "      Reason:       Error\n      Exit Code:    1\n      Started:      Thu, 15 Jan 2026 11:58:00 +0000\n",
        "    Ready:          False\n    Restart Count:  2\n",
        "    Environment Variables from:\n      m  ConfigMap with prefix 'P_'  Optional: false\n",
        "      MODE:  fast\n      POD:   web (v1:metadata.name)\n      CPU:   node allocatable (limits.cpu)\n",
        "      KEY:   <set to the key 'k' in secret 's'>  Optional: false\n",
        "    Mounts:\n      /data from data (rw,path=\"a\")\n",
        "    Type:        EmptyDir (a temporary directory that shares a pod's lifetime)\n",
        "    SizeLimit:   1Gi\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_namespace_shows_its_quotas_and_limits() {
    let namespace = json!({"kind": "Namespace", "metadata": {"name": "n"}, "status": {"phase": "Active"}});
    let quota = json!({
        "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "n"},
        "status": {"hard": {"pods": "2", "requests.cpu": "1"}, "used": {"pods": "1"}},
    });
    let range = json!({
        "kind": "LimitRange", "metadata": {"name": "l", "namespace": "n"},
        "spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}, "default": {"cpu": "500m"}}]},
    });
    let text = describe(&namespace, &Related { objects: &[quota, range], events: Some(&[]) }, now());
    let expected = "\
Name:         n
Labels:       <none>
Annotations:  <none>
Status:       Active

Resource Quotas
  Name:         q
  Resource      Used  Hard
  --------      ---   ---
  pods          1     2
  requests.cpu  0     1

Resource Limits
 Type       Resource  Min  Max  Default Request  Default Limit  Max Limit/Request Ratio
 ----       --------  ---  ---  ---------------  -------------  -----------------------
 Container  cpu       -    2    -                500m           -
";
    assert_eq!(text, expected);
}

#[test]
fn an_account_names_its_secrets_and_those_that_are_gone() {
    let account = json!({
        "kind": "ServiceAccount", "metadata": {"name": "a", "namespace": "default"},
        "secrets": [{"name": "s1"}, {"name": "s2"}],
    });
    let secret = json!({"kind": "Secret", "metadata": {"name": "s1", "namespace": "default"}});
    let text = describe(&account, &Related { objects: &[secret], events: None }, now());
    let lists = "Image pull secrets:  <none>\nMountable secrets:   s1\n                     s2 (not found)\n\
                 Tokens:              <none>\n";
    assert!(text.ends_with(lists), "{text}");
}
