"""The page in plain words: one file that loads nothing, made to be read on a phone."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from monitoring import pictures
from monitoring.figures import Figures
from monitoring.frames import Frames
from monitoring.grouped import grouped
from monitoring.plain import answers, stakes, story, verdict
from monitoring.window import SCORE


def page(figures: Figures, frames: Frames, link: str) -> str:
    """The page as HTML.

    Args:
        link: where Evidently's report lies, relative to the page.
    """
    tone, headline = verdict(figures)
    now, training = frames.current[SCORE], frames.reference[SCORE]
    return _template().render(
        figures=figures,
        window=figures.window,
        tone=tone,
        headline=headline,
        story=story(figures),
        answers=answers(figures),
        stakes=stakes(figures),
        groups=grouped(figures.parts),
        points=pictures.reliability(figures.quality.curve),
        bars=pictures.distribution(now, training) if len(now) else (),
        width=pictures.WIDTH,
        height=pictures.HEIGHT,
        link=link,
    )


@cache
def _template() -> Template:
    folder = FileSystemLoader(Path(__file__).parent / "templates")
    surroundings = Environment(
        loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return surroundings.get_template("summary.html.j2")
