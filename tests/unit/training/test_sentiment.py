"""The packaged sentiment model is the one that training gives; it is judged on unseen posts."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firm.sentiment import packaged
from headway.cli import app
from headway.sentiment import LEXICON, POSTS
from training.sentiment import BadPosts, Post, cross_validate, fit, judge, read_posts, read_valences


def test_posts_are_read() -> None:
    posts = read_posts(POSTS)
    assert len(posts) == 3097
    assert posts[1] == Post("positive", "'Course I do, corrected.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no post"),
        ("a;positive;fine\nb;glad;fine\n", "row 2 must be id;label;text"),
        ("a;positive\n", "row 1 must be"),
    ],
)
def test_what_is_no_list_of_posts_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "posts.csv"
    file.write_text(text)
    with pytest.raises(BadPosts, match=said):
        read_posts(file)


def test_the_packaged_model_is_fitted_on_the_posts() -> None:
    model = packaged()
    assert model.valences == read_valences(LEXICON)
    again = fit(read_posts(POSTS), model.valences)
    assert sum(gram in again.grams for gram in model.grams) > 0.99 * len(model.grams)
    common = again.grams.keys() & model.grams.keys()
    assert max(abs(again.grams[g][0] - model.grams[g][0]) for g in common) < 0.05
    assert again.bias == pytest.approx(model.bias, abs=0.05)


@pytest.mark.slow
def test_such_a_model_is_right_on_posts_that_it_has_not_seen() -> None:
    judged = cross_validate(read_posts(POSTS), read_valences(LEXICON))
    assert judged.n == 3097
    assert judged.accuracy > 0.83
    assert judged.macro_f1 > 0.825
    assert min(figures["f1"] for figures in judged.by_class.values()) > 0.76


def test_figures_are_those_counted_by_hand() -> None:
    posts = [
        Post("positive", "Thanks, great!"),
        Post("positive", "I hate it, terrible."),
        Post("negative", "I hate it, terrible."),
        Post("neutral", "The report covers May."),
    ]
    judged = judge(packaged(), posts)
    assert (judged.n, judged.accuracy) == (4, 0.75)
    assert judged.by_class["positive"] == {"precision": 1, "recall": 0.5, "f1": 0.6667, "n": 2}
    assert judged.by_class["negative"]["f1"] == 0.6667
    assert judged.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 1) / 3, abs=1e-4)


def test_a_file_of_posts_is_judged_by_the_command(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv.gz"
    with gzip.open(file, "wt", encoding="utf-8") as out:
        out.write('a;positive;"Thanks; this is great!"\nb;negative;"I ""hate"" it."\n')
    said = CliRunner().invoke(app, ["sentiment", "evaluate", "--log", str(file), "--json"])
    found = json.loads(said.stdout)
    assert (found["n"], found["accuracy"]) == (2, 1)
    assert {"macro_f1", "by_class"} <= found.keys()
    missing = CliRunner().invoke(app, ["sentiment", "evaluate", "--log", "nowhere.csv"])
    assert missing.exit_code == 1
    assert "there is no file nowhere.csv" in missing.stderr
