"""Do several slow things at once, and turn the signals that end a process into exceptions."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def together(tasks: Sequence[Callable[[], None]]) -> None:
    """Run all tasks in threads; returns when all are done, or raises the first error at once.

    The threads are daemons: an interrupt does not wait for them.
    """
    outcomes: SimpleQueue[BaseException | None] = SimpleQueue()
    for task in tasks:
        threading.Thread(target=_run, args=(task, outcomes), daemon=True).start()
    for _ in tasks:
        if (error := outcomes.get()) is not None:
            raise error


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """Within it, SIGTERM and SIGHUP raise SystemExit, so that `with` blocks stop their parts.

    Only the main thread may use it.
    """
    before = {number: signal.signal(number, _exit) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def told_to_end() -> threading.Event:
    """Set once SIGTERM or SIGINT asks this process to end. Only the main thread may call it."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    return told


def _run(task: Callable[[], None], outcomes: "SimpleQueue[BaseException | None]") -> None:
    try:
        task()
    except BaseException as error:  # handed to the thread that waits, which raises it
        outcomes.put(error)
    else:
        outcomes.put(None)


def _exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
