//! The forms that names, labels, addresses and ports may have.

use std::net::{IpAddr, Ipv6Addr};

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
                     start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for \
                     validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
                         '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used \
                         for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
                           '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or \
                           'my_value',  or '12345', regex used for validation is \
                           '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const NAME_PART: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                         alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for \
                         validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. \
                          'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is \
                          '[-._a-zA-Z0-9]+')";

fn is_lower(letter: u8) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!((bytes.first(), bytes.last()), (Some(first), Some(last)) if is_lower(*first) && is_lower(*last))
        && bytes.iter().all(|letter| is_lower(*letter) || *letter == b'-')
}

/// What is wrong with a DNS label.
pub(crate) fn label(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() > 63 {
        faults.push("must be no more than 63 characters".to_owned());
    }
    if !is_label(text) {
        let subdomain = text.split('.').all(is_label);
        faults.push(if subdomain { "must not contain dots".to_owned() } else { LABEL.to_owned() });
    }
    faults
}

/// What is wrong with a DNS subdomain, the form of most names.
pub(crate) fn subdomain(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() > 253 {
        faults.push("must be no more than 253 characters".to_owned());
    }
    if !text.split('.').all(is_label) {
        faults.push(SUBDOMAIN.to_owned());
    }
    faults
}

/// The prefix of generated names as it is checked: a dash at its end is all right.
pub(crate) fn without_dash(text: &str) -> String {
    match text.strip_suffix('-') {
        Some(stem) if !stem.is_empty() => {
            let shorter: String = stem.chars().take(stem.chars().count() - 1).collect();
            format!("{shorter}a")
        }
        _ => text.to_owned(),
    }
}

fn is_name_part(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!((bytes.first(), bytes.last()),
        (Some(first), Some(last)) if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric())
        && bytes.iter().all(|letter| letter.is_ascii_alphanumeric() || b"-_.".contains(letter))
}

/// What is wrong with the key of a label or annotation.
pub(crate) fn qualified(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let parts: Vec<&str> = text.split('/').collect();
    let name = match parts.as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                faults.push("prefix part must be non-empty".to_owned());
            } else {
                let wrong = subdomain(prefix).into_iter().map(|fault| fault.replace("253 characters", "253 bytes"));
                faults.extend(wrong.map(|fault| format!("prefix part {fault}")));
            }
            *name
        }
        _ => {
            faults.push(
                "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
                 with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for \
                 validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and \
                 '/' (e.g. 'example.com/MyName')"
                    .replace("a valid label key", "a qualified name"),
            );
            return faults;
        }
    };
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        faults.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_name_part(name) {
        faults.push(format!("name part {NAME_PART}"));
    }
    faults
}

/// What is wrong with the value of a label.
pub(crate) fn label_value(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() > 63 {
        faults.push("must be no more than 63 bytes".to_owned());
    }
    if !text.is_empty() && !is_name_part(text) {
        faults.push(LABEL_VALUE.to_owned());
    }
    faults
}

/// What is wrong with the name of a port.
pub(crate) fn port_name(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |wrong: bool, detail: &str| {
        if wrong {
            faults.push(detail.to_owned());
        }
    };
    fault(text.len() > 15, "must be no more than 15 characters");
    fault(
        !text.bytes().all(|letter| is_lower(letter) || letter == b'-'),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    );
    fault(!text.bytes().any(|letter| letter.is_ascii_lowercase()), "must contain at least one letter (a-z)");
    fault(text.contains("--"), "must not contain consecutive hyphens");
    fault(text.starts_with('-') || text.ends_with('-'), "must not begin or end with a hyphen");
    faults
}

/// What is wrong with the name of an environment variable.
pub(crate) fn environment_variable(text: &str) -> Vec<String> {
    if text.bytes().all(|letter| (b' '..=b'~').contains(&letter) && letter != b'=') {
        return Vec::new();
    }
    let fault = "a valid environment variable name must consist only of printable ASCII characters other than '='";
    vec![fault.to_owned()]
}

/// What is wrong with a key of a ConfigMap or Secret.
pub(crate) fn config_key(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text.len() > 253 {
        faults.push("must be no more than 253 characters".to_owned());
    }
    if text.is_empty() || !text.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter)) {
        faults.push(CONFIG_KEY.to_owned());
    }
    match text {
        "." => faults.push("must not be '.'".to_owned()),
        ".." => faults.push("must not be '..'".to_owned()),
        _ if text.starts_with("..") => faults.push("must not start with '..'".to_owned()),
        _ => {}
    }
    faults
}

/// What is wrong with a name that stands in the path of a request.
pub(crate) fn path_segment(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if text == "." || text == ".." {
        faults.push(format!("may not be '{text}'"));
        return faults;
    }
    faults.extend(
        ["/", "%"].into_iter().filter(|part| text.contains(part)).map(|part| format!("may not contain '{part}'")),
    );
    faults
}

/// What is wrong with an IP address, as fields of old take it: leading zeros are let pass by the server
/// only where they were stored before.
pub(crate) fn address(text: &str) -> Option<&'static str> {
    let invalid = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    if text.parse::<IpAddr>().is_ok() {
        let mapped = text.parse::<Ipv6Addr>().is_ok_and(|address| address.to_ipv4_mapped().is_some());
        return mapped.then_some("must not be an IPv4-mapped IPv6 address");
    }
    let parts: Vec<&str> = text.split('.').collect();
    let numbers = parts.iter().all(|part| {
        !part.is_empty()
            && part.bytes().all(|digit| digit.is_ascii_digit())
            && part.trim_start_matches('0').len() <= 3
            && part.parse::<u32>().is_ok_and(|number| number < 256)
    });
    Some(if parts.len() == 4 && numbers { "must not have leading 0s" } else { invalid })
}

/// What is wrong with a range of addresses.
pub(crate) fn range(text: &str) -> Option<&'static str> {
    let invalid = Some("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
    let Some((address, length)) = text.split_once('/') else { return invalid };
    let Ok(address) = address.parse::<IpAddr>() else { return invalid };
    let plain = !length.is_empty() && length.bytes().all(|digit| digit.is_ascii_digit());
    let Some(length) = length.parse::<u32>().ok().filter(|_| plain) else { return invalid };
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    if length > width {
        return invalid;
    }
    let below = 1_u128.checked_shl(width - length).map_or(u128::MAX, |limit| limit - 1);
    (bits & below != 0).then_some("must not have bits set beyond the prefix length")
}

/// What is wrong with the name of a header of HTTP.
pub(crate) fn header(text: &str) -> Vec<String> {
    if !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-') {
        return Vec::new();
    }
    let fault = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used \
                 for validation is '[-A-Za-z0-9]+')";
    vec![fault.to_owned()]
}

/// What is wrong with a percentage.
pub(crate) fn percentage(text: &str) -> Option<&'static str> {
    let digits = text.strip_suffix('%').unwrap_or_default();
    let sound = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    (!sound).then_some(
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used \
         for validation is '[0-9]+%')",
    )
}

/// What is wrong with the number of a port.
pub(crate) fn port_number(number: i64) -> Option<&'static str> {
    (!(1..=65_535).contains(&number)).then_some("must be between 1 and 65535, inclusive")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_forms() {
        assert!(label("my-name").is_empty());
        assert!(!label("-x").is_empty());
        assert!(!label("").is_empty());
        assert!(subdomain("a.b-c.d").is_empty());
        assert!(!subdomain("a..b").is_empty());
        assert!(subdomain(&without_dash("web-")).is_empty());
        assert_eq!(label("a.b"), ["must not contain dots"]);
        assert!(qualified("example.com/My_Name").is_empty());
        assert_eq!(qualified("/x").len(), 1);
        assert_eq!(qualified("a/b/c").len(), 1);
        assert_eq!(qualified("").len(), 2);
        assert!(label_value("").is_empty());
        assert!(port_name("http-1").is_empty());
    }
}
