//! One manifest of each kind, with anything put anywhere in it: nothing panics, what is stored is stored
//! again as it is, and applying what was applied changes nothing.

use proptest::prelude::*;
use serde_json::{Value, json};
use wavetank_manifest::{
    Surroundings, admit, admit_into, admit_update, convert_old, kind_of, last_applied_of, parse_objects,
    patch_strategic, refuse_what_is_not_simulated, request, three_way_json_merge, three_way_strategic,
    with_last_applied,
};

const MANIFESTS: &str = "
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, selector: {app: web},
  externalTrafficPolicy: Local, sessionAffinity: ClientIP, loadBalancerSourceRanges: [10.0.0.0/8],
  ports: [{name: a, port: 80, targetPort: http, nodePort: 30001}, {name: b, port: 443}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a.b: x}, binaryData: {k: aGk=}, immutable: true}
---
{apiVersion: v1, kind: Namespace, metadata: {name: space, labels: {a: b}}}
---
{apiVersion: v1, kind: Node, metadata: {name: node}, spec: {unschedulable: true, taints: [{key: a, effect: NoSchedule}]}}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: e}, subsets: [{addresses: [{ip: 10.0.0.1}], ports: [{port: 80}]}]}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s}, addressType: IPv4,
  endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}], ports: [{name: '', port: 80}]}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h}, spec: {minReplicas: 2, maxReplicas: 9,
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web},
  metrics: [{type: Pods, pods: {metric: {name: q, selector: {matchLabels: {a: b}}}, target: {type: AverageValue, averageValue: 5m}}}],
  behavior: {scaleDown: {policies: [{type: Pods, value: 1, periodSeconds: 60}], tolerance: 0.1}}}}
---
{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: h}, spec: {maxReplicas: 9,
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, targetCPUUtilizationPercentage: 60}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {ingressClassName: nginx, rules: [{host: '*.a.b',
  http: {paths: [{path: /x, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {minAvailable: 50%, selector: {matchLabels: {a: b}}}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {serviceName: db, selector: {matchLabels: {a: b}},
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}},
  volumeClaimTemplates: [{metadata: {name: d}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: d}, spec: {selector: {matchLabels: {a: b}},
  updateStrategy: {rollingUpdate: {maxUnavailable: 10%}},
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {completionMode: Indexed, completions: 3, backoffLimitPerIndex: 1,
  successPolicy: {rules: [{succeededCount: 2}]},
  podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [1, 3]}}]},
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: cj}, spec: {schedule: '*/5 * * * *', timeZone: Europe/Berlin,
  jobTemplate: {spec: {template: {spec: {restartPolicy: OnFailure, containers: [{name: c, image: i}]}}}}}}
---
{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: o}, spec: {backend: {serviceName: a, servicePort: 80}}}
---
{apiVersion: autoscaling/v2beta1, kind: HorizontalPodAutoscaler, metadata: {name: h}, spec: {maxReplicas: 9,
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web},
  metrics: [{type: Resource, resource: {name: cpu, targetAverageUtilization: 50}}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {hostNetwork: true, affinity: {podAntiAffinity:
  {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: a, labelSelector: {matchLabels: {a: b}}}]}},
  topologySpreadConstraints: [{maxSkew: 1, topologyKey: z, whenUnsatisfiable: ScheduleAnyway, labelSelector: {}}],
  volumes: [{name: v, projected: {sources: [{configMap: {name: m, items: [{key: k, path: p}]}}]}}],
  initContainers: [{name: i, image: i, restartPolicy: Always}],
  containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /v}], lifecycle: {preStop: {sleep: {seconds: 5}}},
  livenessProbe: {grpc: {port: 5}}, env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}]}]}}
";

fn manifests() -> Vec<Value> {
    parse_objects(MANIFESTS).expect("they are YAML")
}

fn served(object: &Value) -> Value {
    convert_old(object).map_or_else(|| object.clone(), |converted| converted.object)
}

fn pointers(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                pointers(inner, &format!("{here}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                pointers(inner, &format!("{here}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(|x|-|%|50%|None|10.96.0.1|::1|1.2.3.4/33|é|a b|9{30}|@every|TZ=|\\*/0 \\* \\* \\* \\*|[0-9]{1,20}(|m|Ki))"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("(name|a|\\$patch|metricName)", inner, 0..3)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Takes a manifest in as far as it goes; what is stored must be stored again as it is.
fn take_in(manifest: &Value) {
    let manifest = served(manifest);
    let Ok(admitted) = admit_into(&manifest, &Surroundings::default()) else { return };
    let _ = refuse_what_is_not_simulated(&admitted.object);
    let _ = request::put_scale(&admitted.object, &manifest);
    let _ = request::binding(&manifest);
    let _ = request::eviction(&manifest);
    let mut stored = admitted.object;
    stored["metadata"]["uid"] = json!(&*Surroundings::default().uid);
    match admit_update(&stored, &stored) {
        Ok(again) => assert_eq!(again, stored),
        Err(refusal) => panic!("what is stored is accepted, but: {}\n{stored}", refusal.message),
    }
}

/// Applies one manifest after another, as kubectl does.
fn apply(first: &Value, second: &Value) {
    let Ok(kind) = kind_of(first) else { return };
    let Ok(live) = admit(&with_last_applied(first)) else { return };
    let original = last_applied_of(&live).ok().flatten();
    let modified = with_last_applied(second);
    let _ = three_way_json_merge(original.as_ref(), &modified, &live);
    let Ok(patch) = three_way_strategic(kind, original.as_ref(), &modified, &live) else { return };
    let Ok(patched) = patch_strategic(kind, &live, &patch) else { return };
    let Ok(stored) = admit_update(&live, &patched) else { return };
    let original = last_applied_of(&stored).ok().flatten();
    let again = three_way_strategic(kind, original.as_ref(), &modified, &stored);
    let again = again.map(|patch| {
        let patched = patch_strategic(kind, &stored, &patch).unwrap_or_else(|refusal| panic!("{refusal}"));
        admit_update(&stored, &patched).unwrap_or_else(|refusal| panic!("{refusal}"))
    });
    assert_eq!(again, Ok(stored), "the second time nothing changes");
}

#[test]
fn every_manifest_is_taken_in_and_applied_again_without_a_change() {
    for manifest in manifests() {
        let object = served(&manifest);
        if let Err(refusal) = admit(&object) {
            panic!("{}: {}", object["kind"], refusal.message);
        }
        take_in(&manifest);
        apply(&object, &object);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nothing_misplaced_panics(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), value in any_value(),
    ) {
        let manifests = manifests();
        let before = which.get(&manifests);
        let mut places = Vec::new();
        pointers(before, "", &mut places);
        let mut after = before.clone();
        let place: &String = at.get(&places);
        if let Some(target) = after.pointer_mut(place) {
            *target = value;
        }
        take_in(&after);
        apply(&served(before), &served(&after));
        apply(&served(&after), &served(before));
    }
}
