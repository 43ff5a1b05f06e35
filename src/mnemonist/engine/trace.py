"""From a cell's ``step`` to a program: run it once on small tensors and write down what it does.

The recorder sits where torch dispatches its public functions (`TorchFunctionMode`), so it sees
the calls as the author wrote them, with parameters as named objects and before autograd. The
step runs for batches of 7 and of 11 rows; the two recordings must agree, or the step depends on
the batch size or on something that changes from call to call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from mnemonist.engine.contract import CellLike
from mnemonist.engine.diagnose import diagnosed
from mnemonist.engine.identity import Guard, identity, is_lasting
from mnemonist.engine.parametrised import held
from mnemonist.engine.passes import optimise
from mnemonist.engine.private import FIRST_LOOK, privately, random_inputs, tensors_of
from mnemonist.engine.program import Node, Program, Time, ancestors
from mnemonist.engine.recorder import Recorder
from mnemonist.errors import MnemonistError, UnrepresentableError

__all__ = ["program_of", "trace"]

_BATCHES = (7, 11)
_MOST_VERSIONS = 8
_MOST_SHARED = 256

# A stack of equal layers, or the same model made again, is traced and checked once.
_SHARED: dict[Any, Program | UnrepresentableError] = {}


class _Known:
    """The programs of one cell object, by what the cell was when they were recorded."""

    def __init__(self) -> None:
        self.guard: Guard | None = None
        self.latest: Program | UnrepresentableError | None = None
        self.versions: dict[Any, Program | UnrepresentableError] = {}
        self.restless: UnrepresentableError | None = None  # a step that changes its own cell


_KNOWN: WeakKeyDictionary[nn.Module, _Known] = WeakKeyDictionary()


def program_of(cell: CellLike) -> Program:
    """The program of a cell as it is now, recorded when it is first asked for.

    A program is kept with the cell object and under what the cell's attributes, training flags
    and parameter shapes are: one that changes gets a new program, and cells that differ in the
    values of their parameters only have the same.

    Raises:
        UnrepresentableError: the step has no program form; the same error every time.
        CellError: the step returns other values than the cell declares.
    """
    assert isinstance(cell, nn.Module)
    known = _KNOWN.get(cell)
    if known is None:
        known = _KNOWN.setdefault(cell, _Known())
    if known.guard is not None and known.guard.holds(cell):
        found = known.latest
    else:
        with FIRST_LOOK:  # a thread that waited here finds what the first one made
            found = _version(cell, known)
    if isinstance(found, UnrepresentableError):
        raise found.with_traceback(None)
    assert found is not None
    return found


def _version(cell: CellLike, known: _Known) -> Program | UnrepresentableError:
    """The program, or the refusal, for what a cell is now."""
    assert isinstance(cell, nn.Module)
    if known.restless is not None:
        return known.restless
    for _attempt in range(2):  # a first step may set something up, a second one may not
        key = identity(cell)
        found = known.versions.get(key) or _shared(cell, key)
        if identity(cell) == key:
            break
    else:
        found = known.restless = UnrepresentableError(
            f"{type(cell).__name__}.step", "changes the cell's own attributes from step to step"
        )
    if len(known.versions) >= _MOST_VERSIONS:
        known.versions.clear()
    known.versions[key] = found
    known.latest, known.guard = found, Guard(cell)  # in this order: who sees a guard finds both
    return found


def _shared(cell: CellLike, key: Any) -> Program | UnrepresentableError:
    """What was found for a cell that is the same in all but its parameters' values, or anew."""
    if not is_lasting(key):
        return _program_or_refusal(cell)
    found = _SHARED.get(key)
    if found is None:
        if len(_SHARED) >= _MOST_SHARED:
            _SHARED.clear()
        found = _SHARED[key] = _program_or_refusal(cell)
    return found


def _program_or_refusal(cell: CellLike) -> Program | UnrepresentableError:
    own = getattr(cell, "program", None)
    if isinstance(own, Program):
        return own
    try:
        return trace(cell)
    except UnrepresentableError as error:
        return UnrepresentableError(error.operation, error.reason, error.location)


def trace(cell: CellLike) -> Program:
    """Record a cell's step as a program.

    The cell's parameters are only named, never copied; its random number generators, its
    training flag and its attributes stay as they are.

    Raises:
        UnrepresentableError: the step does something that the program form cannot hold; the
            error names the operation and the line.
        CellError: the step returns other values than the cell declares.
    """
    try:
        values, again = (_record(cell, rows) for rows in _BATCHES)
        _require_agreement(values, again)
    except UnrepresentableError as refusal:
        raise diagnosed(cell, refusal) from refusal.__cause__
    return Program(
        cell=type(cell).__name__,
        input_size=cell.input_size,
        hidden_size=int(getattr(cell, "hidden_size", 0)),
        states=dict(cell.state_sizes),
        outputs=dict(cell.output_sizes),
        extras=dict(cell.extra_sizes),
        emits=(cell.emits,) if isinstance(cell.emits, str) else tuple(cell.emits),
        initial=_initial_values(cell),
        values=optimise(values),
    )


def _record(cell: CellLike, rows: int) -> dict[str, Node]:
    """Run the step once for so many rows."""
    assert isinstance(cell, nn.Module)
    device = next((t.device for t in tensors_of(cell).values()), torch.device("cpu"))
    with privately(device), held({}):
        x, states, extras = random_inputs(cell, rows)
        recorder = Recorder(cell, x)
        recorder.bind(x, recorder.input("x", x))
        for name, value in extras.items():
            recorder.bind(value, recorder.input(name, value))
        for name, value in states.items():
            node = recorder.graph.node("state", (), (name,), value.shape[1:], time=Time.S)
            recorder.bind(value, node)
        try:
            with recorder:
                returned = cell.step(x, *states.values(), **extras)
        except MnemonistError:
            raise
        except Exception as error:
            raise UnrepresentableError(
                f"{type(cell).__name__}.step",
                f"fails on a batch of {rows} rows: {type(error).__name__}: {error}",
            ) from error
        return recorder.results(cell, returned)


def _require_agreement(values: Mapping[str, Node], again: Mapping[str, Node]) -> None:
    mine, other = ancestors(values.values()), ancestors(again.values())
    for node, twin in zip(mine, other):
        if _signature(node) != _signature(twin):
            break
    else:
        same = [n.id for n in values.values()] == [n.id for n in again.values()]
        if len(mine) == len(other) and same:
            return
        node = mine[-1]
    raise UnrepresentableError(
        node.op if node.op != "call" else node.attr[0],
        f"two recordings, with {_BATCHES[0]} and with {_BATCHES[1]} rows, differ: the step depends "
        "on the batch size or on Python state that changes from call to call",
        node.source,
    )


def _signature(node: Node) -> tuple[Any, ...]:
    return node.op, node.attr, node.shape, node.time, tuple(a.id for a in node.args)


def _initial_values(cell: CellLike) -> dict[str, float]:
    """The number that fills each initial state, where it is one number that needs no gradient."""
    with torch.no_grad():
        state = cell.initial_state(2, device=None, dtype=None)
    constants = {}
    for name, value in state.items():
        if value.numel() and bool((value == value.flatten()[0]).all()):
            constants[name] = float(value.flatten()[0])
    return constants
