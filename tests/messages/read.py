"""Reading grade, ease, longest sentence and words of every .txt in a folder; a line a failure."""

import glob
import os
import re
import sys

import textstat

GRADE, EASE, SENTENCE = 6, 80, 20


def words_only(text):
    """Prose as a reader hears it: addresses and references as words, headings and items as sentences."""
    # Rows of data are not prose: names and addresses have as many syllables as they have.
    text = re.sub(r"^\* [A-Z][a-z ]+: .*(?:\n +.*)*", "", text, flags=re.M)
    text = re.sub(r"^[=-]{3,}$", ".", text, flags=re.M)
    text = re.sub(r"[\w.-]+@[\w.-]*\w", "the address", text)
    text = text.replace("portal.nhs.net", "the site")
    text = re.sub(r"NR-\w+-\w+", "N", text)
    text = re.sub(r"\b(?:[A-Z]\.){1,3}", "name", text)
    text = re.sub(r"\n(?:- |\* |\d+\.)", "\n\n", text)
    blocks = [block.strip() for block in re.split(r"\n\s*\n", text)]
    return "\n\n".join(block if re.search(r"[.!?:]$", block) else block + "." for block in blocks if block)


def longest_allowed(name):
    """Words in a text part. The lists of up to 50 rows are held to a size instead."""
    if ".many." in name or name.startswith("operator."):
        return None
    return 280 if name.startswith("letter.") else 350


def main(folder):
    rows, failures = [], []
    for path in sorted(glob.glob(os.path.join(folder, "*.txt"))):
        name = os.path.basename(path)[:-4]
        raw = open(path, encoding="utf-8").read()
        text = words_only(raw)
        sentences = [s for s in re.split(r"(?<=[.!?:])\s+", text) if len(s.split()) > 1]
        grade, ease = textstat.flesch_kincaid_grade(text), textstat.flesch_reading_ease(text)
        longest = max(sentences, key=lambda s: len(s.split()))
        words, most = len(raw.split()), longest_allowed(name)
        rows.append((grade, ease, len(longest.split()), words))
        if grade > GRADE:
            failures.append(f"{name}: grade {grade:.1f}")
        if ease < EASE:
            failures.append(f"{name}: ease {ease:.1f}")
        if len(longest.split()) > SENTENCE:
            failures.append(f"{name}: {len(longest.split())} words in “{' '.join(longest.split())}”")
        if most and words > most:
            failures.append(f"{name}: {words} words of {most}")
        if os.environ.get("VERBOSE"):
            print(f"{name:44} grade {grade:4.1f} ease {ease:5.1f} sentence {len(longest.split()):2} words {words}", file=sys.stderr)
    print("\n".join(failures))
    worst = [max(row[0] for row in rows), min(row[1] for row in rows), max(row[2] for row in rows)]
    print(f"worst: grade {worst[0]:.1f}, ease {worst[1]:.1f}, sentence {worst[2]} words, {len(rows)} texts", file=sys.stderr)


main(sys.argv[1])
