"""What is kept of a group (an agency, a team, a client): what was observed of its members, by time.

Observations fall into buckets of time (a day, if nothing else is declared). What is asked as of an
instant takes the buckets before that instant's own: what became known today counts from tomorrow.
So the order of arrival does not matter, and any past instant can be asked for.
"""

from __future__ import annotations

from bisect import bisect_left

import msgspec

from firm.time import DAY, Micros

Sums = tuple[float, float]
Kept = tuple[Micros, float, float]
Question = tuple[float | str | None, ...]
STEPS = 2**20
"""Values are kept in steps of a millionth or so: such sums are exact, so they come out the same in
any order, and what is taken back leaves nothing behind."""


class Observation(msgspec.Struct, frozen=True, gc=False):
    """Something that counts in a group from an instant on, whatever else happens later.

    Attributes:
        group: the declared name of the group.
        key: which of these groups it is; None for the one that holds everybody.
        at: from when on it is known; it may lie ahead ("unless something happens by then").
        value: 1.0 if it came true, or a quantity.
        count: how many it stands for; 0 corrects the value of an earlier one.
    """

    group: str
    key: str | None
    at: Micros
    value: float
    count: float = 1.0

    @property
    def group_id(self) -> str:
        """The id under which the group's state is kept."""
        return self.group if self.key is None else f"{self.group}:{self.key}"


class Tally(msgspec.Struct, frozen=True, gc=False):
    """How many observations there were, and the sum of their values (weighted, with a decay)."""

    known: float = 0.0
    positive: float = 0.0


class Group(msgspec.Struct, dict=True):
    """The observations of one group: for each bucket, in order, their count and their sum.

    Where `kept` is not None, each single one too: (when, value, how many alike), in that order.
    """

    grain: Micros = DAY
    buckets: list[int] = msgspec.field(default_factory=list)
    counts: list[float] = msgspec.field(default_factory=list)
    sums: list[float] = msgspec.field(default_factory=list)
    kept: list[Kept] | None = None

    def record(self, at: Micros, value: float, count: float = 1.0) -> None:
        """Add an observation, or with the negatives of its value and count take it back."""
        bucket = at // self.grain
        place = bisect_left(self.buckets, bucket)
        if place == len(self.buckets) or self.buckets[place] != bucket:
            self.buckets.insert(place, bucket)
            self.counts.insert(place, 0.0)
            self.sums.insert(place, 0.0)
        self.counts[place] += count
        self.sums[place] += round(value * STEPS) / STEPS
        if self.counts[place] == 0 and self.sums[place] == 0:
            del self.buckets[place], self.counts[place], self.sums[place]
        for running in self._running.values():
            del running[place:]
        if self.kept is not None and count:
            self._keep(self.kept, (at, round(value / count * STEPS) / STEPS), count)
        self.__dict__.pop("tallies", None)

    def before(
        self,
        as_of: Micros,
        within_days: float | None = None,
        half_life_days: float | None = None,
    ) -> Tally:
        """What was observed before the bucket of `as_of`: all, or that of so many days before it.

        With a half-life, an observation weighs half as much for each that has passed since its
        bucket.
        """
        end, asked = as_of // self.grain, (within_days, half_life_days)
        kept: tuple[int, dict[Question, Tally]] | None = self.__dict__.get("tallies")
        tallies = kept[1] if kept is not None and kept[0] == end else self._tallies(end)
        found = tallies.get(asked)
        if found is None:
            found = tallies[asked] = self._tally(end, within_days, half_life_days)
        return found

    def _tally(self, end: int, within_days: float | None, half_life_days: float | None) -> Tally:
        known, positive = self._until(end, half_life_days)
        if within_days is not None:
            start = end - int(within_days * DAY // self.grain)
            earlier, earlier_positive = self._until(start, half_life_days)
            weight = 0.5 ** ((end - start) * self._rate(half_life_days))
            return Tally(known - earlier * weight, positive - earlier_positive * weight)
        return Tally(known, positive)

    def newest(self, as_of: Micros, most: float, fading: float = 1.0) -> Tally:
        """The newest observations before the bucket of `as_of`, at least so many if there are.

        Each weighs `fading` times as much as the one after it; those of one bucket share their
        weights. Time plays no part: a group in which nothing happens keeps its tally.
        """
        end = as_of // self.grain
        tallies, asked = self._tallies(end), ("newest", most, fading)
        found = tallies.get(asked)
        if found is None:
            found = tallies[asked] = self._newest(end, most, fading)
        return found

    def _newest(self, end: int, most: float, fading: float) -> Tally:
        seen = known = positive = 0.0
        for place in reversed(range(bisect_left(self.buckets, end))):
            if seen >= most:
                break
            count, total = self.counts[place], self.sums[place]
            weights = fading**seen * geometric(fading, count)
            known += weights
            positive += total * weights / count if count else total * fading**seen
            seen += count
        return Tally(known, positive)

    def last_before(self, as_of: Micros) -> Micros | None:
        """The start of the newest bucket before that of `as_of`; None if there is none."""
        place = bisect_left(self.buckets, as_of // self.grain)
        return self.buckets[place - 1] * self.grain if place else None

    def points_before(self, as_of: Micros) -> list[tuple[Micros, float]]:
        """Each observation that was kept from before the bucket of `as_of`, in order of time."""
        end = as_of // self.grain * self.grain
        kept = self.kept or []
        return [
            (at, value)
            for at, value, count in kept[: bisect_left(kept, (end,))]
            for _ in range(int(count))
        ]

    @staticmethod
    def _keep(kept: list[Kept], point: tuple[Micros, float], count: float) -> None:
        place = bisect_left(kept, point)
        alike = kept[place][2] if place < len(kept) and kept[place][:2] == point else None
        if alike is None:
            kept.insert(place, (*point, count))
        elif alike + count == 0:
            del kept[place]
        else:
            kept[place] = (*point, alike + count)

    def _tallies(self, end: int) -> dict[Question, Tally]:
        """What was asked for as of this bucket since the group has changed: many members ask within
        one bucket, and a row asks for some of it again and again."""
        kept: tuple[int, dict[Question, Tally]] | None = self.__dict__.get("tallies")
        if kept is None or kept[0] != end:
            kept = self.__dict__["tallies"] = (end, {})
        return kept[1]

    @property
    def _running(self) -> dict[float | None, list[Sums]]:
        """For each half-life asked for, the sums up to each bucket; what changed is cut off."""
        found: dict[float | None, list[Sums]] = self.__dict__.setdefault("running", {})
        return found

    def _until(self, end: int, half_life_days: float | None) -> Sums:
        place = bisect_left(self.buckets, end)
        if not place:
            return 0.0, 0.0
        running = self._running.setdefault(half_life_days, [])
        rate = self._rate(half_life_days)
        while len(running) < place:
            running.append(self._next(running, rate))
        known, positive = running[place - 1]
        weight = 0.5 ** ((end - self.buckets[place - 1]) * rate)
        return known * weight, positive * weight

    def _rate(self, half_life_days: float | None) -> float:
        """How many half-lives a bucket is wide."""
        return 0.0 if half_life_days is None else self.grain / (half_life_days * DAY)

    def _next(self, running: list[Sums], rate: float) -> Sums:
        place = len(running)
        known, positive = self.counts[place], self.sums[place]
        if place:
            weight = 0.5 ** ((self.buckets[place] - self.buckets[place - 1]) * rate)
            known += running[-1][0] * weight
            positive += running[-1][1] * weight
        return known, positive


def geometric(fading: float, count: float) -> float:
    """1 + fading + ... over so many."""
    return count if fading == 1 else (1 - fading**count) / (1 - fading)
