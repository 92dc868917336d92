"""The packaged model tells the mood of plain sentences, alike on every machine."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.sentiment import (
    LABELS,
    grams,
    label_of,
    packaged,
    probabilities,
    sentiment_of,
    tokens,
    valence_sums,
)

SENTENCES = {
    "Thank you so much, that works perfectly!": "positive",
    "Great work :)": "positive",
    "I hate this, it is a terrible mess.": "negative",
    "Sorry, but this is really annoying and ugly.": "negative",
    "The report covers the second quarter.": "neutral",
    "See https://example.org/awesome for the format.": "neutral",
    "": "neutral",
}


@pytest.mark.parametrize(("text", "label"), SENTENCES.items())
def test_plain_sentences_are_told_apart(text: str, label: str) -> None:
    assert label_of(text) == label
    assert {"positive": 1, "neutral": 0, "negative": -1}[label] == round(sentiment_of(text))


def test_a_negation_turns_what_it_reaches() -> None:
    assert sentiment_of("I am happy with it.") > sentiment_of("I am not happy with it.")
    words = tokens("It is not a good thing. Really")
    assert words == ["it", "is", "not", "a", "good", "thing", "really"]
    found = grams(words)
    assert {"NOT_a", "NOT_good", "NOT_thing", "NOT_really", "not a"} <= set(found)
    assert "NOT_it" not in found
    assert "NOT_so" not in grams(tokens("not good! so"))


def test_code_links_and_names_tell_no_mood() -> None:
    assert tokens("@happy see `kill()` at http://awful.example :-)") == [
        "somebody", "see", "codepart", "at", "linkpart", ":-)",
    ]  # fmt: skip


def test_valences_add_up() -> None:
    valences = {"good": 2.0, "bad": -3.0, ":)": 2.0}
    text = "Not good, very bad! :)"
    sums = valence_sums(text, tokens(text), valences)
    turned, boosted = 2.0 * -0.6, -3.0 * 1.3 * -0.6
    assert sums[:7] == pytest.approx(
        (math.log1p(boosted + 2), math.log1p(-turned), boosted, -turned, 2, 1, 2)
    )
    assert sums[9:12] == (1, 0, 0)


@given(st.text(max_size=300))
def test_any_text_has_probabilities(text: str) -> None:
    found = probabilities(text, packaged())
    assert tuple(found) == LABELS
    assert sum(found.values()) == pytest.approx(1)
    assert -1 <= sentiment_of(text) <= 1


def test_another_process_says_the_same_to_the_last_bit() -> None:
    """Sets come in another order there."""
    text = "It is really not good that this great thing fails, but thanks for the quick help!"
    program = f"from firm.sentiment import sentiment_of; print(repr(sentiment_of({text!r})))"
    said = {
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2", "3")
    }
    assert said == {repr(sentiment_of(text))}
