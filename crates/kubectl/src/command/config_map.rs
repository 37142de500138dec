//! `create configmap`: a config map of literals, files, folders and lists of variables.
//!
//! Source: `kubectl/pkg/cmd/create/create_configmap.go`.

use super::generate::{metadata, name, send};
use crate::fault::{Fault, said};
use crate::flags::quoted;
use crate::run::Run;
use serde_json::{Map, Value, json};

/// `create configmap`.
pub(super) fn config_map(run: &mut Run<'_>) -> Result<(), Fault> {
    let name = name(run)?;
    let given = |flag| run.arguments.given(flag);
    if given("from-env-file") && (given("from-file") || given("from-literal")) {
        return said("from-env-file cannot be combined with from-file or from-literal");
    }
    let mut entries: Vec<(String, String)> = Vec::new();
    for source in run.arguments.all("from-file") {
        entries.extend(file_entries(run, source)?);
    }
    for literal in run.arguments.all("from-literal") {
        let Some((key, value)) = literal.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return said(format!("invalid literal source {literal}, expected key=value"));
        };
        entries.push((key.to_owned(), value.trim_matches(['"', '\'']).to_owned()));
    }
    for path in run.arguments.all("from-env-file") {
        let missing = || Fault::Said(format!("error reading {path}: no such file or directory"));
        entries.extend(environment_entries(&run.files.read(path).ok_or_else(missing)?));
    }
    let mut data = Map::new();
    for (key, value) in entries {
        if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
            return said(format!("{} is not valid key name for a ConfigMap: {CONFIG_KEY}", quoted(&key)));
        }
        if data.contains_key(&key) {
            let key = quoted(&key);
            return said(format!(
                "cannot add key {key}, another key by that name already exists in Data for ConfigMap {}",
                quoted(&name)
            ));
        }
        data.insert(key, value.into());
    }
    let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(&name, &Map::new())});
    if !data.is_empty() {
        object["data"] = Value::Object(data);
    }
    send(run, &object, &object, "created", Some("failed to create configmap"))
}

const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  \
                          or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// A file, or those of a folder, by their names or by the key before `=`.
fn file_entries(run: &Run<'_>, source: &str) -> Result<Vec<(String, String)>, Fault> {
    let (key, path) = source.split_once('=').map_or((None, source), |(key, path)| (Some(key), path));
    let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    if let Some(text) = run.files.read(path) {
        return Ok(vec![(key.map_or_else(|| base(path), str::to_owned), text)]);
    }
    let Some(files) = run.files.list(path, false) else {
        return said(format!("error reading {path}: no such file or directory"));
    };
    if key.is_some() {
        return said("cannot give a key name for a directory path");
    }
    Ok(files.iter().filter_map(|file| Some((base(file), run.files.read(file)?))).collect())
}

/// Lines such as `KEY=value`. A key without a value asks for a variable of the shell, of which there are none.
fn environment_entries(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use crate::kubectl::kubectl;
    use std::collections::BTreeMap;
    use wavetank::Cluster;

    #[track_caller]
    fn said(flags: &str) -> String {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let files: BTreeMap<String, String> =
            [file("a.conf", "x=1\n"), file("env", "# note\nA=1\n B=two=2\nC\n"), file("dir/b", "b")].into();
        let line = format!("create configmap cm {flags} --dry-run=client -o jsonpath='{{.data}}'");
        let output = kubectl(&mut Cluster::builder().build(), &files, &line);
        format!("{}{}", output.stdout, output.stderr)
    }

    #[test]
    fn entries_come_from_literals_files_folders_and_lists_of_variables() {
        assert_eq!(said("--from-literal=a='b' --from-literal=c=d=e"), "{\"a\":\"b\",\"c\":\"d=e\"}");
        assert_eq!(said("--from-file=a.conf --from-file=k=a.conf"), "{\"a.conf\":\"x=1\\n\",\"k\":\"x=1\\n\"}");
        assert_eq!(said("--from-file=dir"), "{\"b\":\"b\"}");
        assert_eq!(said("--from-env-file=env"), "{\"A\":\"1\",\"B\":\"two=2\"}");
    }

    #[test]
    fn entries_that_are_none_are_refused() {
        assert_eq!(said("--from-literal==b"), "error: invalid literal source =b, expected key=value\n");
        assert_eq!(said("--from-file=none"), "error: error reading none: no such file or directory\n");
        assert_eq!(said("--from-env-file=none"), "error: error reading none: no such file or directory\n");
        assert_eq!(
            said("--from-literal=a=b --from-literal=a=c"),
            "error: cannot add key \"a\", another key by that name already exists in Data for ConfigMap \"cm\"\n"
        );
        assert!(
            said("--from-literal='a b=c'").starts_with("error: \"a b\" is not valid key name for a ConfigMap: a valid")
        );
        assert_eq!(
            said("--from-env-file=env --from-literal=a=b"),
            "error: from-env-file cannot be combined with from-file or from-literal\n"
        );
    }
}
