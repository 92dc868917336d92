"""How positive or negative a short text of a client is: a linear model in plain Python.

The model is part of the definition of the features that use it, as a table of constants would be:
its weights lie beside this file as package data, are read when the first text comes, and change
with the code only. `headway sentiment train` fits them (training/sentiment.py) on labelled posts;
`headway sentiment evaluate` judges them on others.

For each label, the score is a bias, plus the weights of the words and pairs of words that occur,
divided by the square root of their number, plus the weights of what the valences of single words
add up to. Words within four of a negation count as other words, and their valences turn around. The
probabilities are the softmax of the scores (multinomial logistic regression).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from math import exp, log1p, sqrt

import msgspec

LABELS = ("negative", "neutral", "positive")
NEGATED_WORDS = 4
"""How far a negation reaches."""
NEGATIONS = frozenset(
    ("not", "no", "never", "dont", "cannot", "without", "nothing", "nobody", "neither", "nor")
)
BOOSTERS = frozenset(
    ("very", "really", "so", "extremely", "absolutely", "totally", "too", "super", "highly")
)
BOOST, TURN = 1.3, -0.6
"""What a booster before a word, and a negation, do to its valence."""
_LEFT_OUT = (
    (re.compile(r"`[^`]*`"), " codepart "),
    (re.compile(r"https?://\S+|\(http\S+\)"), " linkpart "),
    (re.compile(r"@\S+"), " somebody "),
)
TOKEN = re.compile(r"[:;=8x]['\-o*]?[)\]([dp/\\|]|<3|\^_?\^|[a-z][a-z']*|[!?]+|\d+")


class Model(msgspec.Struct, frozen=True):
    """The weights, for each of LABELS in that order.

    Attributes:
        valences: of single words and emoticons, -4 to 4.
        grams: weights of words and pairs of words.
        sums: weights of each of `valence_sums`.
    """

    bias: tuple[float, float, float]
    valences: dict[str, float]
    grams: dict[str, tuple[float, float, float]]
    sums: tuple[tuple[float, float, float], ...]


@cache
def packaged() -> Model:
    """The model that comes with the house."""
    text = files("firm").joinpath("sentiment.json").read_text(encoding="utf-8")
    return msgspec.convert(json.loads(text), Model)


@lru_cache(maxsize=4096)
def sentiment_of(text: str) -> float:
    """From -1 (negative) to 1 (positive): the probability of the one less that of the other."""
    found = probabilities(text, packaged())
    return found["positive"] - found["negative"]


def label_of(text: str) -> str:
    """The most probable label."""
    found = probabilities(text, packaged())
    return max(LABELS, key=found.__getitem__)


def probabilities(text: str, model: Model) -> dict[str, float]:
    """The probability of each label."""
    words = tokens(text)
    found = grams(words)
    share = 1 / sqrt(max(len(found), 1))
    weighted = [(of, share) for gram in found if (of := model.grams.get(gram)) is not None]
    weighted += zip(model.sums, valence_sums(text, words, model.valences), strict=True)
    one, two, three = model.bias
    for weights, value in weighted:
        one += weights[0] * value
        two += weights[1] * value
        three += weights[2] * value
    highest = max(one, two, three)
    odds = exp(one - highest), exp(two - highest), exp(three - highest)
    total = sum(odds)
    return {label: odd / total for label, odd in zip(LABELS, odds, strict=True)}


def tokens(text: str) -> list[str]:
    """Words in lower case, emoticons, numbers, and runs of ! and ?; code and links by one name."""
    for pattern, name in _LEFT_OUT:
        text = pattern.sub(name, text)
    return TOKEN.findall(text.lower())


def grams(words: list[str]) -> list[str]:
    """The different words and pairs of words, in one order everywhere, so that sums are the same
    to the last bit; one that a negation reaches is there again as another word, with `NOT_`."""
    found: list[str] = []
    left = 0
    for word in words:
        found.append(word)
        if _negates(word):
            left = NEGATED_WORDS
        elif not word[0].isalnum():
            left = 0
        elif left:
            found.append(f"NOT_{word}")
            left -= 1
    return list(dict.fromkeys([*found, *map(" ".join, pairwise(found))]))


def valence_sums(text: str, words: list[str], valences: Mapping[str, float]) -> tuple[float, ...]:
    """What the valences add up to, apart for the positive and the negative ones, the strongest of
    each, how many there are, the last one, their balance; and the length and the marks."""
    felt = _felt(words, valences)
    positive = [value for value in felt if value > 0]
    negative = [-value for value in felt if value < 0]
    balance = sum(felt)
    return (
        log1p(sum(positive)),
        log1p(sum(negative)),
        max(positive, default=0.0),
        max(negative, default=0.0),
        float(min(len(positive), 3)),
        float(min(len(negative), 3)),
        felt[-1] if felt else 0.0,
        balance / sqrt(balance * balance + 15),
        log1p(len(words)),
        float("!" in text),
        float(text.count("!") > 1),
        float("?" in text),
        sum(map(str.isupper, text)) / max(len(text), 1),
    )


def _felt(words: list[str], valences: Mapping[str, float]) -> list[float]:
    """The valences that are not zero, after boosters and negations."""
    found = []
    left, before = 0, ""
    for word in words:
        if _negates(word):
            left = NEGATED_WORDS
        elif value := valences.get(word):
            boosted = value * BOOST if before in BOOSTERS else value
            found.append(boosted * TURN if left and word[0].isalnum() else boosted)
        left = max(left - (not _negates(word)), 0)
        before = word
    return found


def _negates(word: str) -> bool:
    return word in NEGATIONS or word.endswith("n't")
