//! What may be the key or the value of a label, and the API server's words when something may not.

/// Longest name part of a key and longest value, in bytes.
const LABEL_MAX: usize = 63;
/// Longest DNS name, in bytes.
const SUBDOMAIN_MAX: usize = 253;

const NAME_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
    alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
    '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
    used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' \
    or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// What is wrong with the key of a label or annotation (a qualified name); nothing if it is one.
#[must_use]
pub fn key_faults(key: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut part = |which: &str, fault: &str| faults.push(format!("{which} part {fault}"));
    let name = match key.split('/').collect::<Vec<_>>()[..] {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                part("prefix", "must be non-empty");
            } else {
                subdomain_faults(prefix).iter().for_each(|fault| part("prefix", fault));
            }
            name
        }
        _ => {
            let optional = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a qualified name {NAME_RULE} {optional}")];
        }
    };
    if name.is_empty() {
        part("name", "must be non-empty");
    } else if name.len() > LABEL_MAX {
        part("name", &too_long(LABEL_MAX));
    }
    if !is_name(name) {
        part("name", NAME_RULE);
    }
    faults
}

/// What is wrong with the value of a label; nothing if it is one.
#[must_use]
pub fn value_faults(value: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if value.len() > LABEL_MAX {
        faults.push(too_long(LABEL_MAX));
    }
    if !value.is_empty() && !is_name(value) {
        faults.push(VALUE_RULE.into());
    }
    faults
}

/// What is wrong with a DNS subdomain, the form of most names of objects; nothing if it is one.
#[must_use]
pub fn subdomain_faults(name: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if name.len() > SUBDOMAIN_MAX {
        faults.push(too_long(SUBDOMAIN_MAX));
    }
    if !name.split('.').all(is_dns_label) {
        faults.push(SUBDOMAIN_RULE.into());
    }
    faults
}

fn too_long(most: usize) -> String {
    format!("must be no more than {most} bytes")
}

fn is_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ends_in(name, |byte| byte.is_ascii_alphanumeric()) && name.bytes().all(inner)
}

fn is_dns_label(label: &str) -> bool {
    let outer = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    ends_in(label, outer) && label.bytes().all(|byte| outer(byte) || byte == b'-')
}

/// Whether a text starts and ends with such a byte.
fn ends_in(text: &str, outer: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|&byte| outer(byte)) && bytes.last().is_some_and(|&byte| outer(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_may_carry_a_dns_prefix() {
        assert!(key_faults("app.kubernetes.io/name").is_empty());
        assert_eq!(key_faults("/name"), ["prefix part must be non-empty"]);
        assert_eq!(key_faults("Upper.io/name").len(), 1);
        assert!(key_faults("a/b/c")[0].ends_with("(e.g. 'example.com/MyName')"));
    }

    #[test]
    fn each_rule_that_is_broken_is_named() {
        let long = "-".repeat(64);
        assert_eq!(key_faults("").len(), 2);
        assert_eq!(key_faults(&long)[0], "name part must be no more than 63 bytes");
        assert_eq!(value_faults(&long).len(), 2);
        assert_eq!(subdomain_faults(&".".repeat(254)).len(), 2);
    }

    #[test]
    fn values_may_be_empty() {
        assert!(value_faults("").is_empty() && value_faults("a_b.c-D").is_empty());
        assert!(!value_faults("a ").is_empty() && !value_faults("é").is_empty());
    }
}
