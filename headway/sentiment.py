"""`headway sentiment`: fit the model that reads the sentiment of texts, and judge it on others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headway.catalogue import DATA
from headway.terminal import AsJson, clear_errors, errors, print_found

sentiment = typer.Typer(help="The model that reads the sentiment of texts.", no_args_is_help=True)
Posts = Annotated[
    Path, typer.Option("--log", help="Posts as id;label;text without a header, also gzipped.")
]
POSTS = DATA / "client_sentiment" / "posts.csv.gz"
LEXICON = DATA / "sentiment_lexicon" / "lexicon.tsv"


@sentiment.command()
def evaluate(log: Posts, as_json: AsJson = False) -> None:
    """Judge the packaged model on labelled posts: accuracy, macro F1, and by class."""
    from firm.sentiment import packaged  # noqa: PLC0415  (reads the weights)
    from training.sentiment import judge, read_posts  # noqa: PLC0415  (imports scikit-learn)

    with clear_errors():
        found = judge(packaged(), read_posts(log))
    print_found(msgspec.to_builtins(found), as_json)


@sentiment.command()
def train(
    out: Annotated[Path, typer.Option(help="Where the weights go, as JSON.")],
    log: Posts = POSTS,
    as_json: AsJson = False,
) -> None:
    """Fit the model anew, and tell how good such a model is on posts it has not seen (by tenfold
    cross-validation; takes some minutes)."""
    from training.sentiment import (  # noqa: PLC0415  (imports scikit-learn)
        cross_validate,
        fit,
        read_posts,
        read_valences,
    )

    with clear_errors():
        posts, valences = read_posts(log), read_valences(LEXICON)
        out.write_bytes(msgspec.json.encode(fit(posts, valences)))
        errors.print(f"wrote {out}; judging such models on posts they have not seen")
        found = cross_validate(posts, valences)
    print_found(msgspec.to_builtins(found), as_json)
