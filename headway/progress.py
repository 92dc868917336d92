"""Progress on standard error: bars when a person is watching, quiet lines otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars


class Progress:
    """Says what is being done, and how far it is."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, words: str) -> None:
        """One line on something that has been done."""
        self._console.print(f"[dim]·[/] {words}", highlight=False)

    @contextmanager
    def meanwhile(self, words: str) -> Iterator[None]:
        """One line on something that is being done, with the time that it has taken so far."""
        if not self._console.is_terminal:
            self.say(words)
            yield
            return
        columns = (TextColumn("[dim]·[/] {task.description}"), TimeElapsedColumn())
        with Bars(*columns, console=self._console) as bars:
            bars.add_task(words, total=None)
            yield

    @contextmanager
    def stage(self, words: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """A stage of `total` steps, None if nobody knows; yields the function that counts them."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Bars(*columns, console=self._console, transient=False) as bars:
            task = bars.add_task(words, total=total)
            yield lambda steps: bars.advance(task, steps)
