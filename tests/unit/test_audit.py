"""The chain shows every edit, deletion, swap, insertion and truncation (invariant 10)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firm.audit import AuditEntry, Chain, Head, Link, verify
from firm.errors import AuditBroken

KEY = b"k" * 32
Log = tuple[list[Link], list[Head]]

words = st.text(max_size=6)
entries = st.builds(AuditEntry, st.integers(0, 9), words, words, words, words)


@st.composite
def logs(draw: st.DrawFn, least: int = 1) -> Log:
    """Some chains, each with some entries, written in several goes."""
    links, heads = [], []
    for name in sorted(draw(st.sets(st.sampled_from("abc"), min_size=1))):
        chain = Chain(KEY, name)
        for batch in draw(
            st.lists(st.lists(entries, min_size=least, max_size=3), min_size=1, max_size=3)
        ):
            links += chain.extend(batch)
            chain = Chain(KEY, name, chain.head())
        heads.append(chain.head())
    return links, heads


def _edit_entry(log: Log, data: st.DataObject) -> Log:
    links, heads = log
    place = data.draw(st.integers(0, len(links) - 1))
    changed = data.draw(entries.filter(lambda entry: entry != links[place].entry))
    return _put(links, place, msgspec.structs.replace(links[place], entry=changed)), heads


def _edit_hash(log: Log, data: st.DataObject) -> Log:
    links, heads = log
    place = data.draw(st.integers(0, len(links) - 1))
    other = data.draw(st.binary(min_size=32, max_size=32))
    assume(other != links[place].hash)
    return _put(links, place, msgspec.structs.replace(links[place], hash=other)), heads


def _rename(log: Log, data: st.DataObject) -> Log:
    links, heads = log
    place = data.draw(st.integers(0, len(links) - 1))
    moved = msgspec.structs.replace(links[place], chain="z")
    return _put(links, place, moved), heads


def _delete(log: Log, data: st.DataObject) -> Log:
    """Any run of links, so also the end of the log, or all of it."""
    links, heads = log
    start = data.draw(st.integers(0, len(links) - 1))
    end = data.draw(st.integers(start + 1, len(links)))
    return links[:start] + links[end:], heads


def _delete_and_renumber(log: Log, data: st.DataObject) -> Log:
    links, heads = log
    place = data.draw(st.integers(0, len(links) - 1))
    gone = links[place]
    rest = [
        msgspec.structs.replace(link, seq=link.seq - 1)
        if link.chain == gone.chain and link.seq > gone.seq
        else link
        for link in links
        if link is not gone
    ]
    return rest, heads


def _swap(log: Log, data: st.DataObject) -> Log:
    links, heads = log
    one, other = (data.draw(st.integers(0, len(links) - 1)) for _ in "12")
    assume(links[one].entry != links[other].entry)
    swapped = _put(links, one, msgspec.structs.replace(links[one], entry=links[other].entry))
    swapped[other] = msgspec.structs.replace(links[other], entry=links[one].entry)
    return swapped, heads


def _insert(log: Log, data: st.DataObject) -> Log:
    links, heads = log
    place = data.draw(st.integers(0, len(links)))
    chain = data.draw(st.sampled_from([head.chain for head in heads]))
    seq = data.draw(st.integers(1, len(links) + 1))
    forged = Chain(b"no key", chain).extend([data.draw(entries)])[0]
    forged = msgspec.structs.replace(forged, seq=seq)
    return [*links[:place], forged, *links[place:]], heads


def _repeat(log: Log, data: st.DataObject) -> Log:
    links, heads = log
    place = data.draw(st.integers(0, len(links) - 1))
    return [*links[:place], links[place], *links[place:]], heads


def _splice(log: Log, data: st.DataObject) -> Log:
    """A genuine link from another history of the chain: a backup that was gone on with."""
    links, heads = log
    place = data.draw(st.integers(0, len(links) - 1))
    old = links[place]
    before = [link.entry for link in links if link.chain == old.chain and link.seq < old.seq]
    other = data.draw(entries.filter(lambda entry: entry != old.entry))
    return _put(links, place, Chain(KEY, old.chain).extend([*before, other])[-1]), heads


def _truncate_with_head(log: Log, data: st.DataObject) -> Log:
    """Cut off the end and make the head say so; the seal cannot be made without the key."""
    links, heads = log
    head = data.draw(st.sampled_from(heads))
    own = [link for link in links if link.chain == head.chain]
    keep = data.draw(st.integers(0, len(own) - 1))
    last = own[keep - 1].hash if keep else bytes(32)
    cut = msgspec.structs.replace(head, seq=keep, hash=last)
    left = [link for link in links if link.chain != head.chain or link.seq <= keep]
    return left, [cut if h is head else h for h in heads]


def _edit_head(log: Log, data: st.DataObject) -> Log:
    links, heads = log
    place = data.draw(st.integers(0, len(heads) - 1))
    field = data.draw(st.sampled_from(["seq", "hash", "seal"]))
    value = heads[place].seq + 1 if field == "seq" else data.draw(st.binary(max_size=32))
    assume(value != getattr(heads[place], field))
    changed = msgspec.structs.replace(heads[place], **{field: value})
    return links, [changed if n == place else head for n, head in enumerate(heads)]


def _delete_head(log: Log, data: st.DataObject) -> Log:
    links, heads = log
    gone = data.draw(st.integers(0, len(heads) - 1))
    return links, [head for n, head in enumerate(heads) if n != gone]


def _put(links: list[Link], place: int, link: Link) -> list[Link]:
    return [*links[:place], link, *links[place + 1 :]]


TAMPERINGS = [
    _edit_entry,
    _edit_hash,
    _rename,
    _delete,
    _delete_and_renumber,
    _swap,
    _insert,
    _repeat,
    _splice,
    _truncate_with_head,
    _edit_head,
    _delete_head,
]


@given(log=logs(least=0))
def test_what_was_left_alone_verifies(log: Log) -> None:
    links, heads = log
    assert verify(KEY, links, heads) == len(links)


@pytest.mark.parametrize("tamper", TAMPERINGS)
@given(log=logs(), data=st.data())
def test_tampering_is_found(
    tamper: Callable[[Log, st.DataObject], Log], log: Log, data: st.DataObject
) -> None:
    links, heads = tamper(log, data)
    with pytest.raises(AuditBroken):
        verify(KEY, links, heads)


@given(log=logs())
def test_without_the_key_nothing_verifies(log: Log) -> None:
    with pytest.raises(AuditBroken):
        verify(b"another key", *log)
