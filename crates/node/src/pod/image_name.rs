//! Whether a text can be the name of an image.
//!
//! Source: `distribution/reference`, `ParseNormalizedNamed`; the words of its errors are kept.

/// Checks a name.
///
/// # Errors
/// The words in which the kubelet says what is wrong.
pub fn check(image: &str) -> Result<(), String> {
    let quoted = || wavetank_model::strconv::quote(image);
    fault(image).map_or(Ok(()), |fault| Err(format!("couldn't parse image name {}: {fault}", quoted())))
}

fn fault(image: &str) -> Option<String> {
    const FORMAT: &str = "invalid reference format";
    if image.len() == 64 && image.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return Some(format!("invalid repository name ({image}), cannot specify 64-byte hexadecimal strings"));
    }
    let (domain, remainder) = split_domain(image);
    let repository = remainder.split(':').next().unwrap_or(&remainder);
    if repository.to_lowercase() != repository {
        return Some(format!("{FORMAT}: repository name ({repository}) must be lowercase"));
    }
    let (name, digest) = match remainder.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (remainder.as_str(), None),
    };
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (name, None),
    };
    let is_well = is_domain(&domain)
        && !path.is_empty()
        && path.split('/').all(is_component)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest);
    if !is_well {
        return Some(FORMAT.into());
    }
    (domain.len() + 1 + path.len() > 255).then(|| "repository name must not be more than 255 characters".into())
}

/// The registry and the rest; what names no registry is on Docker Hub, and a bare name in its library.
fn split_domain(image: &str) -> (String, String) {
    const HUB: &str = "docker.io";
    let split = image
        .split_once('/')
        .filter(|(first, _)| first.contains(['.', ':']) || *first == "localhost" || first.to_lowercase() != **first);
    let (domain, rest) = match split {
        Some(("index.docker.io", rest)) => (HUB, rest),
        Some(pair) => pair,
        None => (HUB, image),
    };
    let is_official = domain == HUB && !rest.contains('/');
    (domain.to_owned(), if is_official { format!("library/{rest}") } else { rest.to_owned() })
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = domain.split_once(':').map_or((domain, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(is_label)
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Lower-case letters and digits, with `.`, `_`, `__` or dashes between them.
fn is_component(component: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut separator = String::new();
    let ends_well = |byte: Option<u8>| byte.is_some_and(is_plain);
    if !ends_well(component.bytes().next()) || !ends_well(component.bytes().last()) {
        return false;
    }
    for letter in component.chars() {
        if letter.is_ascii_lowercase() || letter.is_ascii_digit() {
            if !matches!(separator.as_str(), "" | "." | "_" | "__") && separator.bytes().any(|byte| byte != b'-') {
                return false;
            }
            separator.clear();
        } else if matches!(letter, '.' | '_' | '-') {
            separator.push(letter);
        } else {
            return false;
        }
    }
    true
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let is_part = |part: &str| {
        part.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    algorithm.split(['+', '.', '-', '_']).all(is_part)
        && hex.len() >= 32
        && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_images_are_taken_and_others_refused_in_upstreams_words() {
        for well in [
            "nginx",
            "nginx:1.25",
            "a/b:c",
            "localhost:5000/a_b/c--d:x",
            "registry.k8s.io/pause@sha256:0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(check(well), Ok(()), "{well}");
        }
        assert_eq!(
            check("Bad Image!"),
            Err("couldn't parse image name \"Bad Image!\": invalid reference format: repository name (library/Bad Image!) must be lowercase".into())
        );
        for bad in ["", ":", "a b", "a:b:c", "a@b", "a..b", "-a"] {
            assert!(check(bad).unwrap_err().ends_with("invalid reference format"), "{bad}");
        }
    }
}
