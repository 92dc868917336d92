"""Model files that somebody made to do harm, or that came to harm: by name, from a sound one."""

from __future__ import annotations

import copy
import io
import json
import marshal
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

MUTATED = range(12)
Edit = Callable[[dict[str, Any]], object]


class Trap:
    """What unpickles it makes a file, so that a test sees if anybody does."""

    def __init__(self, mark: Path) -> None:
        self._code = f"open({str(mark)!r}, 'w').close()"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, (self._code,)


def contents(ubj: bytes, sound: dict[str, Any], mark: Path) -> dict[str, bytes]:
    """By name, what may stand in a `model.ubj`; whatever runs it makes the file `mark`."""
    return {
        **_code(mark),
        **_broken(ubj),
        **{f"mutated {seed}": _mutated(ubj, seed) for seed in MUTATED},
        **{name: _edited(sound, edit) for name, edit in EDITS.items()},
    }


def _code(mark: Path) -> dict[str, bytes]:
    run = f"open({str(mark)!r}, 'w').close()"
    pickled = pickle.dumps(Trap(mark))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("archive/data.pkl", pickled)
    found = {f"pickle {p}": pickle.dumps(Trap(mark), p) for p in range(pickle.HIGHEST_PROTOCOL + 1)}
    return found | {
        "pickle behind a brace": b"{" + pickled,
        "zip with a pickle, as PyTorch writes it": archive.getvalue(),
        "NumPy array of objects": b"\x93NUMPY\x01\x00v\x00{'descr': '|O'}" + pickled,
        "Python source": run.encode(),
        "compiled Python": struct.pack("<4sIII", b"\xa7\r\r\n", 0, 0, 0)
        + marshal.dumps(compile(run, "m", "exec")),
        "shell script": f"#!/bin/sh\ntouch {mark}\n".encode(),
        "shared library": b"\x7fELF\x02\x01\x01" + bytes(200),
        "MLmodel with a loader": b"flavors:\n  python_function:\n    loader_module: os\n",
        "YAML that constructs": f"!!python/object/apply:os.system ['touch {mark}']".encode(),
        "template": b"{{ cycler.__init__.__globals__.os.system('id') }}",
    }


def _broken(ubj: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "one brace": b"{",
        "no model": b"{}",
        "older binary format": b"binf" + ubj,
        "nested without end": b"{L\x00\x00\x00\x00\x00\x00\x00\x01a" + b"[" * 2_000_000,
        "JSON nested without end": b'{"learner":' + b"[" * 2_000_000,
        "an array of 2**62 numbers": b"{L" + struct.pack(">q", 7) + b"learner[$d#L" + b"\x3f" * 8,
        "a name of 2**62 letters": b"{L" + b"\x3f" + b"\xff" * 7,
        **{f"cut off at {part}/8": ubj[: len(ubj) * part // 8] for part in range(1, 8)},
    }


def _mutated(ubj: bytes, seed: int) -> bytes:
    luck, content = random.Random(seed), bytearray(ubj)  # noqa: S311 - a fixed choice of bytes
    for _ in range(1 + seed * 2):
        content[luck.randrange(1, len(content))] = luck.randrange(256)
    return bytes(content)


def _edited(sound: dict[str, Any], edit: Edit) -> bytes:
    model = copy.deepcopy(sound)
    edit(model)
    return json.dumps(model).encode()


def _tree(model: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = _booster(model)["model"]["trees"][0]
    return tree


def _booster(model: dict[str, Any]) -> dict[str, Any]:
    booster: dict[str, Any] = model["learner"]["gradient_booster"]
    return booster


def _in_tree(name: str, node: int, value: float) -> Edit:
    return lambda model: _tree(model)[name].__setitem__(node, value)


def _learner(model: dict[str, Any]) -> dict[str, Any]:
    learner: dict[str, Any] = model["learner"]
    return learner


EDITS: dict[str, Edit] = {
    "a tree in a circle": _in_tree("left_children", 0, 0),
    "two ways to one node": lambda m: _tree(m)["left_children"].__setitem__(
        0, _tree(m)["right_children"][0]
    ),
    "a child far outside": _in_tree("left_children", 0, 2**30),
    "a child before the first": _in_tree("right_children", 0, -7),
    "half a leaf": _in_tree("right_children", 0, -1),
    "a column far outside": _in_tree("split_indices", 0, 60_000),
    "a negative column": _in_tree("split_indices", 0, -1),
    "a threshold that is no number": _in_tree("split_conditions", 0, float("nan")),
    "an infinite threshold": _in_tree("split_conditions", 0, float("inf")),
    "a leaf that is no number": _in_tree("split_conditions", -1, float("nan")),
    "an infinite leaf": _in_tree("split_conditions", -1, float("inf")),
    "arrays of two lengths": lambda m: _tree(m)["split_indices"].pop(),
    "a tree without nodes": lambda m: _tree(m).update(left_children=[], right_children=[]),
    "a split by categories": _in_tree("split_type", 0, 1),
    "a billion trees": lambda m: _booster(m)["model"]["gbtree_model_param"].update(
        num_trees="1000000000"
    ),
    "another booster": lambda m: _booster(m).update(name="dart"),
    "an objective that nobody knows": lambda m: _learner(m)["objective"].update(name="os.system"),
    "an objective of ranks": lambda m: _learner(m)["objective"].update(name="rank:pairwise"),
    "a thousand classes": lambda m: _learner(m)["learner_model_param"].update(num_class="1000"),
    "a base score that is no number": lambda m: _learner(m)["learner_model_param"].update(
        base_score="[NaN]"
    ),
    "other features": lambda m: _learner(m).update(feature_names=["a", "b", "c", "d"]),
    "fewer features": lambda m: _learner(m)["feature_names"].pop(),
    "features in another order": lambda m: _learner(m)["feature_names"].reverse(),
    "no features": lambda m: _learner(m).update(feature_names=[]),
    "a feature's name with code": lambda m: _learner(m)["feature_names"].__setitem__(
        0, "__import__('os')"
    ),
}

NAMES = (
    *_code(Path("mark")),
    *_broken(b"{"),
    *(f"mutated {seed}" for seed in MUTATED),
    *EDITS,
)
