"""The one error of the embedded parts: what is wrong, where, and what to do about it."""

from firm.errors import HeadwayError


class PartError(HeadwayError):
    """An embedded part could not be fetched, started or stopped; the text says what to do."""

    kind = "part-error"
