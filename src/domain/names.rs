//! Names of people and places as the service prints them, made readable.
//!
//! The portal prints `SURNAME, First (ORGANISATION)` and site names in capitals. A letter says `First Surname` and
//! `Northtown Opticians`. Nothing here makes a name safe to print: that is the renderer's work.

/// `O'DELL, Zoë (NORTHTOWN OPTICIANS)` as `Zoë O'Dell`; a name of another shape is only spared its capitals.
#[must_use]
pub fn person(display_name: &str) -> Option<String> {
    let bare = display_name.split_once('(').map_or(display_name, |(before, _)| before).trim();
    let name = match bare.split_once(',') {
        Some((surname, first)) => format!("{} {}", first.trim(), spare_capitals(surname.trim())),
        None => spare_capitals(bare),
    };
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// `NORTHTOWN OPTICIANS` as `Northtown Opticians`; a name with any small letter stays as it is.
#[must_use]
pub fn place(name: &str) -> String {
    spare_capitals(name.trim())
}

/// Capitals only at the start of words, where there are nothing but capitals.
fn spare_capitals(text: &str) -> String {
    if text.chars().any(char::is_lowercase) {
        return text.to_owned();
    }
    let mut at_start = true;
    let mut spared = String::with_capacity(text.len());
    for letter in text.chars() {
        if at_start {
            spared.push(letter);
        } else {
            spared.extend(letter.to_lowercase());
        }
        at_start = !letter.is_alphanumeric();
    }
    spared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portals_names_become_readable() {
        let table = [
            ("EXAMPLE, Ada (NORTHTOWN OPTICIANS)", "Ada Example"),
            ("O'DELL, Zoë (EASTHAM PHARMACY)", "Zoë O'Dell"),
            ("SMITH-JONES, Seán", "Seán Smith-Jones"),
            ("Ada Example", "Ada Example"),
            ("LOCUM", "Locum"),
        ];
        for (printed, readable) in table {
            assert_eq!(person(printed).as_deref(), Some(readable));
        }
        assert_eq!(person(" (NORTHTOWN OPTICIANS)"), None);
        assert_eq!(place("NORTHTOWN OPTICIANS"), "Northtown Opticians");
        assert_eq!(place("McKay Dental"), "McKay Dental");
    }
}
