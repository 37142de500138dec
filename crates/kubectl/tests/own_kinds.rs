//! Kinds of a user's own under kubectl's commands, from their definition to their end.

use core::time::Duration;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wavetank::{Cluster, Error, Profile};
use wavetank_kubectl::{kubectl, watch};

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: fleets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Fleet, plural: fleets, singular: fleet, shortNames: [fl]}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
    subresources:
      scale: {specReplicasPath: .spec.members, statusReplicasPath: .status.members, labelSelectorPath: .status.selector}
";

const BLUE: &str = "
apiVersion: example.com/v1
kind: Fleet
metadata: {name: blue, labels: {sea: north}}
spec: {members: 2, ports: [a, b]}
";

/// A shell on a cluster, with the files that tests name.
struct Shell {
    cluster: Cluster,
    files: BTreeMap<String, String>,
}

impl Shell {
    fn new() -> Self {
        let files = [("crd.yaml", DEFINITION), ("blue.yaml", BLUE), ("bigger.yaml", &BLUE.replace("[a, b]", "[a]"))];
        let files = files.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        Self { cluster: Cluster::builder().profile(Profile::instant()).build(), files }
    }

    fn says(&mut self, line: &str) -> String {
        let said = kubectl(&mut self.cluster, &self.files, line);
        format!("{}{}", said.stdout, said.stderr)
    }

    #[track_caller]
    fn check(&mut self, line: &str, expected: &str) {
        assert_eq!(self.says(line), expected, "{line}");
    }
}

/// A shell in which `blue` is there.
fn with_blue() -> Shell {
    let mut shell = Shell::new();
    shell.check("apply -f crd.yaml", "customresourcedefinition.apiextensions.k8s.io/fleets.example.com created\n");
    shell.check("apply -f blue.yaml", "fleet.example.com/blue created\n");
    shell
}

/// The controller of fleets: as many members as are wanted.
fn sail(cluster: &mut Cluster, fleet: &Value) -> Result<(), Error> {
    let name = fleet["metadata"]["name"].as_str().unwrap_or_default();
    let status = json!({"members": fleet["spec"]["members"], "selector": format!("fleet={name}")});
    cluster.set_own_status("Fleet", name, status)
}

#[test]
fn a_kind_is_there_once_it_is_defined() {
    let mut shell = Shell::new();
    shell.check("get fleets", "error: the server doesn't have a resource type \"fleets\"\n");
    assert!(shell.says("apply -f blue.yaml").ends_with("ensure CRDs are installed first\n"));
    shell.says("create -f crd.yaml");
    shell.check("get fleets", "No resources found in default namespace.\n");
    shell.check("get crd -o name", "customresourcedefinition.apiextensions.k8s.io/fleets.example.com\n");
    let listed = shell.says("api-resources --api-group=example.com");
    assert_eq!(
        listed,
        "NAME     SHORTNAMES   APIVERSION       NAMESPACED   KIND\nfleets   fl           example.com/v1   true         Fleet\n"
    );
    shell.check("apply -f blue.yaml", "fleet.example.com/blue created\n");
    shell.check(
        "delete crd fleets.example.com",
        "customresourcedefinition.apiextensions.k8s.io \"fleets.example.com\" deleted\n",
    );
    shell.check("get fl", "error: the server doesn't have a resource type \"fl\"\n");
}

#[test]
fn objects_are_listed_selected_and_described() {
    let mut shell = with_blue();
    shell.cluster.run_for(Duration::from_secs(90));
    shell.check("get fl", "NAME   AGE\nblue   90s\n");
    shell.check("get fleet blue -o jsonpath={.spec.members}", "2");
    shell.check("get fleets -l sea=south", "No resources found in default namespace.\n");
    shell.check("get fleets.example.com -l sea=north -o name", "fleet.example.com/blue\n");
    shell.check("get fleets -n other", "No resources found in other namespace.\n");
    shell.check("get fleet red", "Error from server (NotFound): fleets.example.com \"red\" not found\n");
    let page = shell.says("describe fleet blue");
    assert!(page.starts_with("Name:         blue\nNamespace:    default\nLabels:       sea=north\n"), "{page}");
    assert!(page.contains("Spec:\n  Members:  2\n"), "{page}");
}

#[test]
fn objects_are_applied_patched_and_scaled() {
    let mut shell = with_blue();
    shell.check("apply -f blue.yaml", "fleet.example.com/blue unchanged\n");
    shell.check("apply -f bigger.yaml", "fleet.example.com/blue configured\n");
    shell.check("get fleet blue -o jsonpath={.spec.ports}", "[\"a\"]");
    shell.check("label fleet blue sea=south --overwrite", "fleet.example.com/blue labeled\n");
    shell.check(
        "patch fleet blue --type=merge -p '{\"spec\":{\"flag\":\"white\"}}'",
        "fleet.example.com/blue patched\n",
    );
    let refused = shell.says("patch fleet blue -p '{\"spec\":{\"flag\":\"red\"}}'");
    assert!(refused.starts_with("Error from server (UnsupportedMediaType): "), "{refused}");
    shell.check("scale fleet blue --replicas=5 --current-replicas=2", "fleet.example.com/blue scaled\n");
    shell.check("get fleet blue -o jsonpath={.spec}", "{\"flag\":\"white\",\"members\":5,\"ports\":[\"a\"]}");
    shell.check("get fleet blue --subresource=scale -o jsonpath={.spec.replicas}", "5");
    // What is shown can be put in the place of what is there, and changes nothing.
    let shown = shell.says("get fleet blue -o yaml");
    shell.files.insert("shown.yaml".to_owned(), shown.clone());
    shell.check("replace -f shown.yaml", "fleet.example.com/blue replaced\n");
    shell.check("get fleet blue -o yaml", &shown);
}

#[test]
fn a_watch_follows_objects_of_ones_own() {
    let mut shell = with_blue();
    let (mut fleets, first) = watch(&mut shell.cluster, &shell.files, "get fleets -w --output-watch-events").unwrap();
    assert_eq!(first, "EVENT   NAME   AGE\nADDED   blue   0s\n");
    shell.cluster.run_for(Duration::from_secs(5));
    shell.says("scale fleet blue --replicas=3");
    shell.check("delete fleet blue", "fleet.example.com \"blue\" deleted\n");
    assert_eq!(fleets.lines(&mut shell.cluster).unwrap(), "MODIFIED   blue   5s\nDELETED    blue   5s\n");
}

#[test]
fn one_can_wait_for_what_a_controller_says() {
    let mut shell = with_blue();
    let kind = shell.cluster.own_kinds().find(|kind| kind.word() == "Fleet").cloned().expect("it is defined");
    shell.cluster.define_kind(kind, Some(sail));
    shell.check("scale fleet blue --replicas=4 --timeout=10s", "fleet.example.com/blue scaled\n");
    shell.check("wait fleet/blue --for=jsonpath='{.status.members}'=4", "fleet.example.com/blue condition met\n");
    shell.check(
        "get fleet blue --subresource=scale -o jsonpath={.status}",
        "{\"replicas\":4,\"selector\":\"fleet=blue\"}",
    );
    shell.check("autoscale fleet blue --max=6 --min=2", "horizontalpodautoscaler.autoscaling/blue autoscaled\n");
}

#[test]
fn kinds_without_namespaces_and_definitions_of_the_wrong_name() {
    let mut shell = Shell::new();
    let wide = DEFINITION.replace("Namespaced", "Cluster");
    shell.files.insert("wide.yaml".to_owned(), wide);
    shell.files.insert("wrong.yaml".to_owned(), DEFINITION.replace("name: fleets.example.com", "name: fleets"));
    let refused = shell.says("create -f wrong.yaml");
    assert!(refused.contains("\"fleets\" is invalid: metadata.name: Invalid value: \"fleets\""), "{refused}");
    shell.says("create -f wide.yaml");
    shell.check("create -f blue.yaml", "fleet.example.com/blue created\n");
    shell.check("get fleets -n anywhere -o name", "fleet.example.com/blue\n");
    assert!(!shell.says("get fleet blue -o yaml").contains("namespace"));
}
