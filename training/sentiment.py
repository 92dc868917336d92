"""The sentiment model fitted on labelled posts, and judged on posts that it has not seen.

A file of posts has a row `id;label;text` for each, without a header; CSV, also gzipped.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Sequence
from math import sqrt
from pathlib import Path

import msgspec
import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from firm.errors import HeadwayError, shown
from firm.sentiment import LABELS, Model, grams, probabilities, tokens, valence_sums
from training.rows import Floats

LEAST_POSTS = 3
"""A word or pair in fewer posts than this tells nothing of others."""
MOST_GRAMS = 4000
"""So many weigh most; the others would make the file large and the model no better."""
GRAM_SCALE, SUM_SCALE = 1.5, 0.35
"""How strongly the two kinds of features are drawn toward zero, one against the other."""
STRENGTH = 3.0
"""Inverse of the penalty; found by cross-validation, where 8 is worse and 1 no better."""
DIGITS = 3
FOLDS = 10
BIAS = "=bias"
SEED = 0


class BadPosts(HeadwayError):
    """A file is no list of labelled posts."""

    kind = "bad-posts"


class Post(msgspec.Struct, frozen=True):
    """A text and the label that people gave it."""

    label: str
    text: str


class Judged(msgspec.Struct, frozen=True):
    """How often the most probable label is the one that people gave.

    Attributes:
        macro_f1: the mean of the labels' F1, each counted alike.
        by_class: for each label its precision, recall and F1, and how many posts have it.
    """

    n: int
    accuracy: float
    macro_f1: float
    by_class: dict[str, dict[str, float]]


def read_posts(file: Path) -> list[Post]:
    """The posts of a file.

    Raises:
        BadPosts: it is not there, a row has not three fields, or a label is unheard of.
    """
    if not file.is_file():
        raise BadPosts(f"there is no file {file}")
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter=";"))
    for number, row in enumerate(rows, start=1):
        if len(row) != 3 or row[1] not in LABELS:
            raise BadPosts(
                f"{file}: row {number} must be id;label;text with a label of {LABELS}; "
                f"got {shown(row)}"
            )
    if not rows:
        raise BadPosts(f"{file} holds no post")
    return [Post(label, text) for _, label, text in rows]


def read_valences(file: Path) -> dict[str, float]:
    """The words of a lexicon, `word<TAB>valence`."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return {word: float(value) for word, value in (line.split("\t") for line in lines)}


def fit(posts: Sequence[Post], valences: dict[str, float]) -> Model:
    """A model of these posts: fitted on all words, then anew on those that weigh most."""
    seen = _Seen.of(posts, valences)
    counts = Counter(gram for of in seen.grams for gram in of)
    often = frozenset(gram for gram, n in counts.items() if n >= LEAST_POSTS)
    first = _weights(seen, often)
    strongest = sorted(often, key=lambda gram: (-abs(first[gram]).max(), gram))[:MOST_GRAMS]
    weights = _weights(seen, frozenset(strongest))
    return Model(
        bias=_rounded(weights[BIAS]),
        valences=valences,
        grams={gram: _rounded(weights[gram]) for gram in sorted(strongest)},
        sums=tuple(_rounded(weights[_sum(n)]) for n in range(seen.sums.shape[1])),
    )


def judge(model: Model, posts: Sequence[Post]) -> Judged:
    """Hold the model's labels against those of people."""
    said = [_most_probable(model, post.text) for post in posts]
    return _judged([post.label for post in posts], said)


def cross_validate(posts: Sequence[Post], valences: dict[str, float]) -> Judged:
    """Judge each tenth of the posts by a model of the others, whose words were chosen there."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    said = np.empty(len(posts), dtype=object)
    labels = np.array([post.label for post in posts])
    for learnt, held in folds.split(labels, labels):
        model = fit([posts[place] for place in learnt], valences)
        for place in held:
            said[place] = _most_probable(model, posts[place].text)
    return _judged(labels.tolist(), said.tolist())


class _Seen(msgspec.Struct):
    """What the model sees of posts: which words and pairs occur in each, and its valence sums."""

    labels: list[str]
    grams: list[list[str]]
    sums: Floats

    @classmethod
    def of(cls, posts: Sequence[Post], valences: dict[str, float]) -> _Seen:
        words = [tokens(post.text) for post in posts]
        sums = [
            valence_sums(post.text, of, valences) for post, of in zip(posts, words, strict=True)
        ]
        return cls([post.label for post in posts], [grams(of) for of in words], np.array(sums))


def _weights(seen: _Seen, kept: frozenset[str]) -> dict[str, Floats]:
    """Of the kept words and pairs, of the sums and of BIAS, in the scale in which they come."""
    spread = SUM_SCALE / np.maximum(seen.sums.std(axis=0), 1e-9)
    rows = [
        {gram: GRAM_SCALE / sqrt(len(of)) for gram in of if gram in kept}
        | {_sum(n): value for n, value in enumerate((sums * spread).tolist())}
        for of, sums in zip(seen.grams, seen.sums, strict=True)
    ]
    columns = DictVectorizer()
    learner = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=300, tol=1e-4)
    with threadpool_limits(1):  # sums in another order give another last bit
        learner.fit(columns.fit_transform(rows), seen.labels)
    found = dict(zip(columns.feature_names_, learner.coef_.T * GRAM_SCALE, strict=True))
    for n, scale in enumerate(spread.tolist()):
        found[_sum(n)] = found[_sum(n)] / GRAM_SCALE * scale
    return {**found, BIAS: learner.intercept_}


def _sum(number: int) -> str:
    """The name of a valence sum; no word or pair contains a = before a digit."""
    return f"={number}"


def _rounded(values: Floats) -> tuple[float, float, float]:
    one, two, three = (round(float(value), DIGITS) for value in values)
    return one, two, three


def _most_probable(model: Model, text: str) -> str:
    found = probabilities(text, model)
    return max(LABELS, key=found.__getitem__)


def _judged(labels: Sequence[str], said: Sequence[str]) -> Judged:
    figures = precision_recall_fscore_support(labels, said, labels=LABELS, zero_division=0.0)
    by_class = {
        label: {
            "precision": round(float(precision), 4),
            "recall": round(float(recall), 4),
            "f1": round(float(f1), 4),
            "n": int(n),
        }
        for label, precision, recall, f1, n in zip(LABELS, *figures, strict=True)
    }
    return Judged(
        n=len(labels),
        accuracy=round(float(accuracy_score(labels, said)), 4),
        macro_f1=round(float(figures[2].mean()), 4),
        by_class=by_class,
    )
