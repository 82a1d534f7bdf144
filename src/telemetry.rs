//! Logs: who hears what, and how an address looks in one.

/// An address as logs may show it: the first letter and the domain, `s…@nhs.net`.
#[must_use]
pub fn masked(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}…@{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_shows_the_first_letter_and_the_domain() {
        assert_eq!(masked("sam.sample1@nhs.net"), "s…@nhs.net");
        assert_eq!(masked(""), "…@");
    }
}
