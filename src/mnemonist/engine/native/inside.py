"""Jobs inside torch.compile and torch.export, where a run becomes one operator of the graph.

Dynamo cannot read how a program is recorded and planned, so that happens outside the graph while
it is traced: `recipe` is a constant to it. What the recipe hangs on besides shapes (the cell
object, and the flags and options of its modules) is read once more in the traced code, so that
Dynamo guards it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from mnemonist.engine.contract import CellLike
from mnemonist.engine.identity import INTERNAL
from mnemonist.engine.job import Job, Trace
from mnemonist.engine.native import library
from mnemonist.engine.native.compiled import lack
from mnemonist.engine.native.executor import extras_of, variant_of
from mnemonist.engine.native.operators import code_of, no_modes
from mnemonist.engine.private import copy_with, tensors_of
from mnemonist.engine.trusted import trusted_program
from mnemonist.errors import UnrepresentableError

__all__ = ["InGraphs", "prologue_inside", "run_inside", "why_outside"]

_SIMPLE = (bool, int, float, str, type(None))


class Recipe(NamedTuple):
    """How a cell becomes an operator's arguments; strings and numbers only.

    Attributes:
        refusal: why it cannot, or nothing.
        code: the program, for the operator.
        states: its states.
        extras: its extras.
        bound: the states that are given at every step.
        leaves: module path and name of each of its parameters and buffers.
        watched: path of each module, and what `_watched` says of it.
    """

    refusal: str = ""
    code: str = ""
    states: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    bound: tuple[str, ...] = ()
    leaves: tuple[tuple[tuple[str, ...], str], ...] = ()
    watched: tuple[tuple[tuple[str, ...], tuple[tuple[str, str, Any], ...]], ...] = ()


def why_outside(job: Job) -> str:
    """Why a job does not become an operator inside a graph; empty if it does."""
    if torch.is_autocast_enabled("cpu"):
        return "under autocast torch chooses the type of every operation"
    if job.x.device.type != "cpu":
        return f"it runs on a CPU, and the input is on {job.x.device}"
    if job.x.dtype not in (torch.float32, torch.float64):
        return f"it knows float32 and float64, and the input is {job.x.dtype}"
    return _recipe(job).refusal


def prologue_inside(job: Job) -> list[Tensor]:
    """What depends on parameters only, for several runs of the pieces of a job."""
    recipe = _recipe(job)
    constants: list[Tensor] = torch.ops.mnemonist.prologue(job.x, _leaves(job, recipe), recipe.code)
    return constants


def run_inside(job: Job, constants: list[Tensor] | None = None) -> tuple[Trace, dict[str, Tensor]]:
    """Run a job by one operator.

    Args:
        job: what to run.
        constants: what `prologue_inside` gave, or None: it is part of the run.
    """
    recipe = _recipe(job)
    given = extras_of(recipe.extras, job)
    inputs = [job.x, *(given[name] for name in recipe.extras)]
    inputs += [(job.forced or {})[name] for name in recipe.bound]
    inputs += [job.state[name] for name in recipe.states]
    if constants is None:
        leaves = _leaves(job, recipe)
        results = torch.ops.mnemonist.run(inputs, leaves, job.lengths, recipe.code)
    else:
        results = torch.ops.mnemonist.run_with(inputs, constants, job.lengths, recipe.code)
    kept = len(job.keep)
    return dict(zip(job.keep, results)), dict(zip(recipe.states, results[kept:]))


def _recipe(job: Job) -> Recipe:
    resets, everywhere = job.resets is not None, job.forced_mask is None
    forced = tuple(job.forced or {})
    kind = (job.keep, resets, forced, everywhere, job.x.dtype)
    cell = job.cell
    recipe = cell._graph_recipe(*kind) if isinstance(cell, InGraphs) else recipe_of(cell, *kind)
    for path, watched in recipe.watched:
        module = _module_at(cell, path)
        for name, how, value in watched:  # equal while the recipe is new; what is read is guarded
            if _seen(getattr(module, name), how) != value:
                return Recipe(refusal=f"{name} changed while the cell was read")
    return recipe


def _leaves(job: Job, recipe: Recipe) -> list[Tensor]:
    return [_tensor_at(job.cell, path, name) for path, name in recipe.leaves]


def _module_at(cell: CellLike, path: tuple[str, ...]) -> nn.Module:
    module: Any = cell
    for part in path:
        module = module._modules[part]
    found: nn.Module = module
    return found


def _tensor_at(cell: CellLike, path: tuple[str, ...], name: str) -> Tensor:
    module = _module_at(cell, path)
    found: Any = module._parameters[name] if name in module._parameters else module._buffers[name]
    tensor: Tensor = found
    return tensor


def recipe_of(
    cell: CellLike,
    keep: tuple[str, ...],
    resets: bool,
    forced: tuple[str, ...],
    everywhere: bool,
    dtype: torch.dtype,
) -> Recipe:
    """The recipe for runs of this kind, made in Python while a graph is traced."""
    missing = library.why_missing()
    if missing is not None:
        return Recipe(refusal=missing)
    with no_modes():
        try:
            program = trusted_program(_real(cell))
            for name, leaf in program.leaves_of(cell).items():
                if leaf.is_floating_point() and leaf.dtype is not dtype:
                    return Recipe(refusal=f"{name} is {leaf.dtype} and the input {dtype}")
            states = tuple(name for name in program.states if name in forced)
            variant = variant_of(program, resets, states, everywhere)
        except UnrepresentableError as refusal:
            return Recipe(refusal=str(refusal))
        missing = lack(variant, keep, gradients=False)
        if missing is not None:
            return Recipe(refusal=f"it lacks {missing}")
        return Recipe(
            code=code_of(variant, keep),
            states=tuple(variant.states),
            extras=tuple(variant.extras),
            bound=tuple(variant.bound),
            leaves=tuple((path, last) for _, path, last in variant.paths),
            watched=tuple(_watched(cell)),
        )


# As torch.compiler.assume_constant_result does, which imports all of Dynamo for it.
recipe_of._dynamo_marked_constant = True  # type: ignore[attr-defined]


class InGraphs:
    """What a cell's class is so that one graph serves all its objects with the same program.

    To a function, Dynamo hands over an object that is not to change, so that every object gets
    a graph of its own; to a method it hands over the object as it is.
    """

    def _graph_recipe(self, *kind: Any) -> Recipe:
        """`recipe_of` this cell."""
        return recipe_of(self, *kind)  # type: ignore[arg-type]

    _graph_recipe._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _real(cell: CellLike) -> CellLike:
    """The cell, or a copy with values where an export has taken them away."""
    assert isinstance(cell, nn.Module)
    tensors = tensors_of(cell)
    if not any(isinstance(tensor, FakeTensor) for tensor in tensors.values()):
        return cell
    values = {}
    for name, tensor in tensors.items():
        value = torch.empty(tuple(tensor.shape), dtype=tensor.dtype).fill_(0.5)
        values[name] = nn.Parameter(value) if isinstance(tensor, nn.Parameter) else value
    copied: CellLike | None = copy_with(cell, values)
    if copied is None:
        raise UnrepresentableError(f"{type(cell).__name__}", "cannot be copied for an export")
    return copied


def _watched(cell: CellLike) -> Iterator[tuple[tuple[str, ...], tuple[tuple[str, str, Any], ...]]]:
    """What the modules of a cell hold and which parts they have.

    Yields:
        The path of a module, and of its attributes name, how they are known and as what.
    """
    assert isinstance(cell, nn.Module)
    owners = Counter(
        id(tensor) for module in cell.modules() for tensor in module._parameters.values()
    )
    for name, module in cell.named_modules():
        shared = any(t is not None and owners[id(t)] > 1 for t in module._parameters.values())
        found = []
        for attribute, value in vars(module).items():
            if attribute in ("_parameters", "_buffers", "_modules"):
                how = "id" if shared and attribute == "_parameters" else "parts"
            elif attribute in INTERNAL or isinstance(value, Tensor):
                continue
            elif isinstance(value, (list, tuple)) or _has_names(value):
                how = "items"
            else:
                how = "value" if type(value) in _SIMPLE else "id"
                how = "names" if _is_of_torch(value) else how
            found.append((attribute, how, _seen(value, how)))
        yield tuple(name.split(".")) if name else (), tuple(found)


def _seen(value: Any, how: str) -> Any:
    """An attribute as strings and numbers, which Dynamo compares and guards.

    Args:
        value: the attribute.
        how: "value"; "items" of a list, tuple or dictionary; "parts", which of a module's
            parameters or children are None; "id", which is no other object; "names" of a function of
            torch, whose id older versions of Dynamo cannot take.
    """
    if how == "names":
        return value.__name__, value.__module__, isinstance(value, BuiltinFunctionType)
    if how == "id":
        return id(value)
    if how == "parts":
        return tuple([(name, part is None) for name, part in value.items()])
    if how == "items":
        keys = [*value] if isinstance(value, dict) else [*range(len(value))]
        return tuple([(key, _plain(value[key])) for key in keys])
    return value


def _is_of_torch(value: Any) -> bool:
    """Whether this is `torch.tanh`, `functional.elu` or the like, known by names alone."""
    if not isinstance(value, (BuiltinFunctionType, FunctionType)):
        return False
    return any(getattr(home, value.__name__, None) is value for home in (torch, nn.functional))


def _has_names(value: Any) -> bool:
    """Whether this is a dictionary with plain keys."""
    return isinstance(value, dict) and all(type(key) in (int, str) for key in value)


def _plain(value: Any) -> Any:
    return value if type(value) in _SIMPLE else id(value)
