"""Answers to what a process owner asks, for readers who know no statistics."""

from __future__ import annotations

from dataclasses import dataclass

from monitoring.figures import Figures
from monitoring.limits import Limit
from monitoring.quality import Quality
from monitoring.words import days, money, number, percent, share_of


@dataclass(frozen=True)
class Answer:
    """A question, the figure that answers it, and what the figure means.

    Attributes:
        kept: whether the declared limit is kept; None if there is none or it cannot be judged.
    """

    question: str
    figure: str
    meaning: str
    kept: bool | None = None


def verdict(figures: Figures) -> tuple[str, str]:
    """How it went: a word for the style (`good`, `bad` or `open`) and a headline."""
    if breaches := len(figures.breaches):
        return "bad", "One limit is broken" if breaches == 1 else f"{breaches} limits are broken"
    if any(limit.kept is None for limit in figures.limits):
        return "open", "Not everything can be judged yet"
    return "good", "All limits are kept"


def story(figures: Figures) -> str:
    """What happened in the window, in a few sentences."""
    quality = figures.quality
    if not quality.rows:
        return "The model gave no score in this time."
    alert = percent(figures.window.threshold)
    return (
        f"The model scored {quality.rows} cases. {quality.alerts} of them got a score of {alert}"
        " or more, which raises an alert."
    )


def answers(figures: Figures) -> list[Answer]:
    """The answers, the weightiest first."""
    quality = figures.quality
    return [
        _known(quality),
        _false_alerts(quality, figures.limits[0]),
        _missed(quality),
        _believed(quality),
        _inputs(figures, figures.limits[1]),
        _scores(figures),
    ]


def _known(quality: Quality) -> Answer:
    question, late = "How much can be judged yet?", quality.rows - quality.matured
    if not quality.rows:
        return Answer(question, percent(None), "There is nothing to judge.")
    meaning = (
        f"How it ended is known for {quality.matured} of {quality.rows} cases; only these are"
        f" judged. For {late} ({percent(quality.immature_share)}) it is too early."
    )
    return Answer(question, percent(quality.matured / quality.rows), meaning)


def _false_alerts(quality: Quality, limit: Limit) -> Answer:
    question, negatives = "How many alerts were false?", quality.true_negatives
    if not quality.false_positives + quality.true_positives:
        return Answer(question, percent(None), f"No alert can be judged. {limit.why}")
    quiet = share_of(quality.false_positives, quality.false_positives + negatives)
    meaning = f"{limit.why} Where nothing happened, {quiet} still got an alert."
    return Answer(question, percent(quality.false_alert_share), meaning, limit.kept)


def _missed(quality: Quality) -> Answer:
    question = "How many cases were missed?"
    happened = quality.true_positives + quality.false_negatives
    if not happened:
        return Answer(question, percent(None), "It happened in no case that is known so far.")
    share = quality.false_negatives / happened
    meaning = f"It happened in {happened} cases; {quality.false_negatives} came without an alert."
    return Answer(question, percent(share), meaning)


def _believed(quality: Quality) -> Answer:
    question = "Can its percentages be believed?"
    if quality.ece is None or quality.brier is None or quality.brier_constant is None:
        return Answer(question, percent(None), "No ending is known yet to compare them with.")
    better = "worse" if quality.brier < quality.brier_constant else "no worse"
    meaning = (
        "apart, on average, lay what it said and what happened. Always saying"
        f" {percent(quality.constant)}, as often as it happened in training, would be {better}:"
        f" an error of {number(quality.brier_constant)} against {number(quality.brier)}."
    )
    return Answer(question, f"{100 * quality.ece:.1f} points", meaning)


def _inputs(figures: Figures, limit: Limit) -> Answer:
    question, drift = "Do the cases look like those it learned from?", figures.drift
    names = ", ".join(column.column for column in drift.drifted)
    silent = f" No value comes any more in: {', '.join(drift.silent)}." if drift.silent else ""
    meaning = limit.why + (f" They are: {names}." if names else "") + silent
    kept = False if drift.silent else limit.kept
    return Answer(question, _of(len(drift.drifted), len(drift.columns)), meaning, kept)


def _scores(figures: Figures) -> Answer:
    question, score = "Does it score as in training?", figures.drift.score
    if score is None:
        return Answer(question, percent(None), "There are too few scores to tell.")
    if not score.drifted:
        return Answer(question, "yes", "The scores spread as they did in training.")
    meaning = (
        "The scores spread differently than in training. This need not be a fault: either the"
        " cases have changed, or what feeds the model."
    )
    return Answer(question, "no", meaning)


def stakes(figures: Figures) -> list[str]:
    """What hung on the wrong answers, a sentence each; none where nothing is declared."""
    lost, quality, declared = figures.lost, figures.quality, figures.window.at_stake
    if lost is None or declared is None:
        return []
    said = [
        f"{what} hung on the {count} {cases}."
        for what, count, cases in (
            (money(lost.money_false, lost.currency), quality.false_positives, "false alerts"),
            (money(lost.money_missed, lost.currency), quality.false_negatives, "missed cases"),
            (days(lost.days_false), quality.false_positives, "false alerts"),
            (days(lost.days_missed), quality.false_negatives, "missed cases"),
        )
        if what
    ]
    unknown = f" Of {lost.unknown} wrongly judged cases nobody said it." if lost.unknown else ""
    twice = "What hangs on a case counts each time that it was judged wrongly."
    return [*said, f"It is {declared.because}.{unknown} {twice}"]


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}" if whole else percent(None)
