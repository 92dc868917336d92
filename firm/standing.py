"""What is live, by the record of who moved which alias: signed moves in unbroken order count.

The signature shows who holds the key agreed; `after` names the move before, so a row that was
copied, slipped in or left out shows too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from firm.time import Micros

Alias = Literal["champion", "canary", "challenger"]
Kind = Literal["promoted", "rolled back", "killed", "lifted", "ended"]


class Promotion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One move of an alias; going back to an older version is one too.

    Attributes:
        version: what the alias points at; the rule's name where the kill switch was pulled.
        uri: where the model's file lies; `sha256` and `size` (bytes) say which file it must be.
        promoted_by, approved_by: who asked for it, and who agreed.
        gates: the figures with which it passed its gates.
        share: of the subjects, that a canary decides on.
        after: the place in the record (`Move.seq`) of the workflow's move before; 0 for the first.
    """

    workflow: str
    version: str
    uri: str
    sha256: str
    size: int
    promoted_by: str
    approved_by: str
    why: str
    at: Micros
    gates: dict[str, float]
    alias: Alias = "champion"
    kind: Kind = "promoted"
    share: float = 1.0
    after: int = 0

    def lean(self) -> Promotion:
        """The same with nothing in it that is a default: its bytes are what is signed and told of
        in the audit log, as they were before there were several aliases."""
        defaults = Promotion.__struct_defaults__
        with_default = Promotion.__struct_fields__[-len(defaults) :]
        plain = dict(zip(with_default, defaults, strict=True))
        fields = msgspec.structs.asdict(self)
        said = {n: v for n, v in fields.items() if n not in plain or v != plain[n]}
        return Promotion(**said)


class Move(msgspec.Struct, frozen=True):
    """A promotion in its place in the record, with its signature."""

    seq: int
    made: Promotion
    signature: str


Genuine = Callable[[Promotion, str], bool]
"""Whether a signature is that of whoever may sign promotions."""


class Standing(msgspec.Struct):
    """What the moves of one workflow add up to.

    Attributes:
        champions: every version that was made champion, also again, in order.
        killed: who pulled the kill switch and why; None while it is not pulled.
        head: the last move that counts; `seen`, the last that is there.
        refused: the moves that do not count, with the reason, by their place.
    """

    workflow: str
    champion: Promotion | None = None
    canary: Promotion | None = None
    challenger: Promotion | None = None
    champions: list[Promotion] = []
    killed: str | None = None
    head: int = 0
    seen: int = 0
    at: Micros = 0
    refused: dict[int, str] = {}

    def of(self, alias: Alias) -> Promotion | None:
        """The move by which the alias stands where it stands; None where it points at nothing."""
        found: Promotion | None = getattr(self, alias)
        return found

    def later(self, at: Micros) -> Micros:
        """An instant for the next move: `at`, but after the last one, whatever the clock did."""
        return max(at, self.at + 1)

    def _take(self, move: Move) -> None:
        made = move.made
        self.head, self.at = move.seq, made.at
        if made.alias == "challenger":
            self.challenger = None if made.kind == "ended" else made
        elif made.alias == "canary":
            self.canary = None if made.kind == "ended" else made
        else:
            self._take_champion(made)

    def _take_champion(self, made: Promotion) -> None:
        """The canary was held against the champion before, so it ends with it."""
        self.canary = None
        if made.kind == "killed":
            self.champion, self.killed = None, f"{made.promoted_by}: {made.why}"
        else:
            self.champion, self.killed = made, None
            self.champions.append(made)


def stand(workflow: str, moves: Iterable[Move], genuine: Genuine) -> Standing:
    """Follow the moves of one workflow, in the order of the record."""
    standing = Standing(workflow)
    for move in moves:
        standing.seen = move.seq
        if not genuine(move.made, move.signature):
            standing.refused[move.seq] = (
                f"{_words(move.made)} is not signed with the key of this copy: it was not approved "
                "here, or was changed since"
            )
        elif move.made.after != standing.head:
            standing.refused[move.seq] = (
                f"{_words(move.made)} follows entry {move.made.after}, the record before it ends "
                f"at {standing.head}: it was copied, or what came before was removed"
            )
        else:
            standing._take(move)
    return standing


def _words(made: Promotion) -> str:
    return f"version {made.version} of {made.workflow} as {made.alias} ({made.kind})"
