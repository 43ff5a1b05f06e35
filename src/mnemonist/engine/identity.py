"""What a recorded program depends on besides the class: flags, attributes, names and shapes.

Values of parameters are not part of it (programs get them at every call); hyperparameters are,
because Python has already decided by them when the step is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any, NamedTuple

from torch import Tensor, nn

from mnemonist.engine.program import Program

__all__ = ["INTERNAL", "Guard", "identity", "is_lasting"]

INTERNAL = frozenset(nn.Module().__dict__) - {"training"}
"""What every module has beside its flag and the attributes of its class."""
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_TABLES = ("_parameters", "_buffers", "_modules", *_HOOKS)
_SIMPLE = (bool, int, float, str, bytes, type(None), type, FunctionType, BuiltinFunctionType)


class Opaque(NamedTuple):
    """An object that is known by its identity only, which ends with it."""

    kind: type
    number: int
    content: Any = None


class Guard:
    """A quick test that a cell is still what it was: the same values in the same places.

    It takes a tenth of the time of `identity`. What it lets through is unchanged; what it
    turns away may still be equal, which `identity` decides. It holds neither the cell nor a
    tensor, even where one of the cell's modules leads back to the cell.
    """

    __slots__ = ("_contents", "_unchanged")

    def __init__(self, cell: nn.Module) -> None:
        test = _Test()
        places = {cell: test.module("cell", cell)}
        for module in _modules(cell):  # a module comes behind the one that it stands in
            for name, child in module._modules.items():
                found = f"{places[module]}['_modules'][{test.constant(name)}]"
                if child is None:
                    test.require(f"{found} is None")
                elif child in places:
                    test.require(f"{found}.__dict__ is {places[child]}")
                else:
                    places[child] = test.module(found, child)
        for kind in dict.fromkeys(map(type, places)):
            for space, name in _class_attributes(kind):
                test.watch(test.constant(space), space, name)
        for space, name in _globals_read(type(cell)):
            test.watch(test.constant(space), space, name)
        self._unchanged = test.compiled()
        self._contents = tuple(test.contents)

    def holds(self, cell: nn.Module) -> bool:
        """Whether nothing has changed about the cell that the guard was made for."""
        try:
            contents = self._unchanged(cell)
        except (KeyError, AttributeError):  # something is no longer there
            return False
        return contents is not None and tuple(map(_frozen, contents)) == self._contents


class _Test:
    """What a `Guard` asks, written down as one function.

    A loop over places and values would take half as long again, and this is asked at every call.
    No text of the cell's gets into the source, where names and values are numbered constants.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[int, tuple[str, Any]] = {}
        self.watched: list[str] = []
        self.contents: list[Any] = []
        self.modules = 0

    def constant(self, value: Any) -> str:
        """The name of a value in the source."""
        name = f"k{len(self.constants)}"
        return self.constants.setdefault(id(value), (name, value))[0]

    def require(self, condition: str) -> None:
        """A condition without which the test fails."""
        self.lines.append(f"if not ({condition}): return None")

    def module(self, found: str, module: nn.Module) -> str:
        """Ask for a module's kind, attributes and tensors; the variable with its `__dict__`."""
        self.modules += 1
        own, content = f"m{self.modules}", module.__dict__
        self.lines.append(f"m = {found}; {own} = m.__dict__")
        self.require(f"type(m) is {self.constant(type(module))}")
        self.require(f"len({own}) == {len(content)}")
        for table in _TABLES:
            where, entries = f"{own}['{table}']", content[table]
            if not entries:
                self.require(f"not {where}")
            elif table in _HOOKS:
                self.require(f"tuple({where}) == {self.constant(tuple(entries))}")
            else:
                self.require(f"len({where}) == {len(entries)}")
        for table in ("_parameters", "_buffers"):
            for name, tensor in content[table].items():
                self.lines.append(f"t = {own}['{table}'][{self.constant(name)}]")
                self.tensor(tensor)
        for name in content:
            if name not in INTERNAL:
                self.watch(own, content, name)
        return own

    def tensor(self, tensor: Tensor | None) -> None:
        """Ask whether t is the tensor that it was, and as large."""
        if tensor is None:
            self.require("t is None")
            return
        shape, dtype, device = map(self.constant, _described(tensor))
        place = "t.is_cpu" if tensor.is_cpu else f"t.device == {device}"  # half the time
        self.require(f"id(t) == {self.constant(id(tensor))} and t.shape == {shape}")
        self.require(f"t.dtype is {dtype} and {place}")

    def watch(self, where: str, space: Mapping[str, Any], name: str) -> None:
        """Ask for a value: the object itself if it cannot change, else its content."""
        found, value = f"{where}[{self.constant(name)}]", space.get(name)
        if name not in space:
            self.require(f"{self.constant(name)} not in {where}")
        elif _is_immutable(value):
            self.require(f"{found} is {self.constant(value)}")
        else:
            self.watched.append(found)
            self.contents.append(_frozen(value))

    def compiled(self) -> Callable[[nn.Module], tuple[Any, ...] | None]:
        """The function of the cell: None, or what is left to be compared by content."""
        names, values = zip(*self.constants.values())
        body = [*self.lines, f"return ({''.join(f'{w}, ' for w in self.watched)})"]
        source = "".join(f"\n        {line}" for line in body)
        space: dict[str, Any] = {}
        head = f"def over({', '.join(names)}):\n    def unchanged(cell):"
        exec(_code(f"{head}{source}\n    return unchanged"), space)
        return space["over"](*values)


@lru_cache(maxsize=64)
def _code(source: str) -> CodeType:
    """Compiled source; the same for cells that are made alike."""
    return compile(source, "<guard>", "exec")


def identity(cell: nn.Module) -> tuple[Any, ...]:
    """A key that is equal as long as the cell's step means the same program."""
    parts: list[Any] = []
    seen: dict[int, int] = {}
    for module in _modules(cell):
        content = module.__dict__
        parts.append(type(module))
        parts.extend((n, _frozen(v)) for n, v in content.items() if n not in INTERNAL)
        parts.append(tuple(content["_modules"]))
        parts.append((tuple(content["_forward_hooks"]), tuple(content["_forward_pre_hooks"])))
        for table in ("_parameters", "_buffers"):
            for name, tensor in content[table].items():
                # the number says which names share one tensor
                number = seen.setdefault(id(tensor), len(seen))
                parts.append((name, number, _described(tensor)))
        parts.extend(_frozen(space.get(n)) for space, n in _class_attributes(type(module)))
    parts.extend(_frozen(space.get(n)) for space, n in _globals_read(type(cell)))
    return tuple(parts)


def is_lasting(key: Any) -> bool:
    """Whether a key of `identity` holds no object by identity, and so says the same for ever."""
    if isinstance(key, tuple):
        return not isinstance(key, Opaque) and all(map(is_lasting, key))
    return True


def _modules(cell: nn.Module) -> Iterator[nn.Module]:
    stack: list[nn.Module | None] = [cell]
    while stack:
        module = stack.pop()
        if module is not None:
            yield module
            stack.extend(module._modules.values())


def _is_immutable(value: Any) -> bool:
    """Whether the same object has the same content for ever."""
    if isinstance(value, tuple):
        return all(map(_is_immutable, value))
    return isinstance(value, _SIMPLE)


def _described(tensor: Tensor | None) -> tuple[Any, ...]:
    return () if tensor is None else (tensor.shape, tensor.dtype, tensor.device)


def _frozen(value: Any, depth: int = 3) -> Any:
    """A value by content where that is simple, else the object itself by identity."""
    if isinstance(value, _SIMPLE):
        return type(value), value  # 1 is not True, and not 1.0
    if isinstance(value, (tuple, list)) and depth:
        return tuple(_frozen(v, depth - 1) for v in value)
    if isinstance(value, dict) and depth:
        return tuple((_frozen(k, 0), _frozen(v, depth - 1)) for k, v in value.items())
    if isinstance(value, Tensor):
        return type(value)  # a step that uses one has no program, so its value decides nothing
    opaque = isinstance(value, (nn.Module, Program)) or not hasattr(value, "__dict__")
    if opaque or not depth:
        return Opaque(type(value), id(value))
    return Opaque(type(value), id(value), _frozen(vars(value), depth - 1))


def _class_attributes(kind: type) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Simple attributes and methods of the classes below `nn.Module`, where they stand."""
    for base in kind.__mro__[: kind.__mro__.index(nn.Module)]:
        space = vars(base)
        for name, value in space.items():
            if not name.startswith("__") and isinstance(value, (*_SIMPLE, tuple)):
                yield space, name


def _globals_read(kind: type) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Numbers, strings and functions that a step takes from its module."""
    step = getattr(kind, "step", None)
    if isinstance(step, FunctionType):
        space = step.__globals__
        for name in step.__code__.co_names:
            if isinstance(space.get(name), _SIMPLE):
                yield space, name
