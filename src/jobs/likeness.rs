//! What somebody may have meant by a word that nobody knows. Reads nothing, decides nothing.

/// How many like words are offered.
const MOST: usize = 3;

/// How like two words must be, from 0 to 1.
const LEAST_LIKENESS: f64 = 0.9;

/// The known words most like one, the most like first.
#[must_use]
pub fn most_like<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let likeness = |known: &'a str| (strsim::jaro_winkler(known, word), known);
    let mut like: Vec<_> = known.into_iter().map(likeness).filter(|(likeness, _)| *likeness > LEAST_LIKENESS).collect();
    like.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    like.into_iter().take(MOST).map(|(_, known)| known).collect()
}
