"""Cells by name. This module is read without torch; a cell's own is imported when it is asked for."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mnemonist.errors import CellError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mnemonist.cells._cell import Cell

__all__ = ["HOMES", "Description", "describe", "get", "names", "resolve"]

HOMES = {
    "elman": "elman:Elman",
    "irnn": "elman:IRNN",
    "jordan": "jordan:Jordan",
    "elman_jordan": "jordan:ElmanJordan",
    "lstm_ungated": "lstm:UngatedLSTM",
    "lstm_no_forget": "lstm:NoForgetLSTM",
    "lstm": "lstm:LSTM",
    "lstm_peephole": "lstm:PeepholeLSTM",
    "lstm_projected": "lstm:ProjectedLSTM",
    "nig": "greff:NIG",
    "nfg": "greff:NFG",
    "nog": "greff:NOG",
    "niaf": "greff:NIAF",
    "noaf": "greff:NOAF",
    "cifg": "greff:CIFG",
    "np": "greff:NP",
    "fgr": "greff:FGR",
    "gru": "gru:GRU",
    "gru_reset_before": "gru:GRUResetBefore",
    "mgu": "minimal:MGU",
    "ugrnn": "minimal:UGRNN",
    "janet": "minimal:JANET",
    "indrnn": "indrnn:IndRNN",
    "lstm_layer_norm": "layer_norm:LayerNormLSTM",
    "gru_layer_norm": "layer_norm:LayerNormGRU",
    "lstm_batch_norm": "batch_norm:BatchNormLSTM",
    "rhn": "highway:RecurrentHighway",
    "lstm_multiplicative": "multiplicative:MultiplicativeLSTM",
    "slstm": "slstm:SLSTM",
    "mingru": "parallel:MinGRU",
    "minlstm": "parallel:MinLSTM",
    "leaky": "leaky:Leaky",
    "echo_state": "leaky:EchoState",
    "torch_rnn": "torch_layout:TorchRNN",
    "torch_lstm": "torch_layout:TorchLSTM",
    "torch_gru": "torch_layout:TorchGRU",
}
"""Where each cell is written: "module:Class" within this package."""
_BY_CLASS_NAME = {home.partition(":")[2].lower(): name for name, home in HOMES.items()}
_ALSO = {"rnn": "elman", "v": "lstm_peephole"}
"""What torch.nn calls the first, and what Greff et al. 2017 call the second."""


@dataclass(frozen=True)
class Description:
    """What a cell says about itself.

    Attributes:
        name: under which `get` finds it, or "" for a cell of the user's.
        class_name: of the class.
        summary: the first line of its docstring, without the source.
        source: authors and year.
        formula: the equations, one a line.
    """

    name: str
    class_name: str
    summary: str
    source: str
    formula: str

    def __str__(self) -> str:
        return f"{self.summary} ({self.source})" if self.source else self.summary


def names() -> list[str]:
    """All names that `get` knows, family by family.

    >>> names()[:3]
    ['elman', 'irnn', 'jordan']
    """
    return list(HOMES)


def get(name: str) -> type[Cell]:
    """The class of that name; the name of the class, and upper case, will do too.

    Raises:
        CellError: an unknown name; the nearest one is suggested.

    >>> get("gru_reset_before").__name__, get("PeepholeLSTM").__name__
    ('GRUResetBefore', 'PeepholeLSTM')
    >>> get("ltsm")
    Traceback (most recent call last):
    mnemonist.errors.CellError: there is no cell 'ltsm': did you mean 'lstm'? mnemonist.cells.names() lists all; a class of your own needs no name
    """
    key = name.strip().lower().replace("-", "_")
    key = _ALSO.get(key, _BY_CLASS_NAME.get(key, key))
    if key not in HOMES:
        near = get_close_matches(key, (*HOMES, *_BY_CLASS_NAME), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise CellError(
            f"there is no cell {name!r}: {hint}mnemonist.cells.names() lists all; "
            "a class of your own needs no name"
        )
    module, _, class_name = HOMES[key].partition(":")
    return getattr(import_module(f"mnemonist.cells.{module}"), class_name)


def resolve(
    spec: str | type[Cell] | Callable[[int, int], Cell], *, allow_import: bool = False
) -> Callable[..., Cell]:
    """What makes a cell from (input_size, hidden_size): from a name, a class, or a function.

    Args:
        spec: a registered name, a Cell class, a callable (input_size, hidden_size) -> cell,
            or, with `allow_import`, "module:Class".
        allow_import: whether "module:Class" may be imported, which runs that module's code.

    Raises:
        CellError: an unknown name, an import that was not allowed or failed, or something
            that cannot be called.

    >>> resolve("mgu")(3, 5)
    MGU(
      3, 5
      (forget): Gate(3, 5 -> 5 [W U b])
      (candidate): Gate(3, 5 -> 5 [W U b])
    )
    """
    if not isinstance(spec, str):
        if not callable(spec):
            raise CellError(
                f"a cell is a name, a class or a function of (input_size, hidden_size); got {spec!r}"
                + (": give its class, not the cell itself" if hasattr(spec, "step") else "")
            )
        return spec
    if ":" not in spec:
        return get(spec)
    if not allow_import:
        raise CellError(
            f"the cell {spec!r} would be imported, which runs its module's code; "
            "allow that explicitly (on the command line: --cell module:Class)"
        )
    return _imported(spec)


def describe(cell: str | type[Cell]) -> Description:
    """Summary, source and formula of a cell, from its docstring.

    Raises:
        CellError: an unknown name.

    >>> print(describe("elman"))
    The simple recurrent network: the hidden layer sees its own past (Elman 1990)
    >>> print(describe("elman").formula)
    h_t = φ(W x_t + U h_{t-1} + b)
    """
    kind = get(cell) if isinstance(cell, str) else cell
    registered = {home.partition(":")[2]: name for name, home in HOMES.items()}
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(kind.__doc__ or ""))
    opening = " ".join(paragraphs[0].split())
    match = re.fullmatch(r"(?P<summary>.*?)\s*\((?P<source>[^()]*\d{4}[^()]*)\)\.?", opening)
    return Description(
        name=registered.get(kind.__name__, "") if kind.__module__.startswith(__package__) else "",
        class_name=kind.__name__,
        summary=match["summary"] if match else opening,
        source=match["source"] if match else "",
        formula=paragraphs[1] if len(paragraphs) > 1 and "=" in paragraphs[1] else "",
    )


def _imported(spec: str) -> Callable[..., Cell]:
    module_name, _, attribute = spec.partition(":")
    try:
        found: Any = import_module(module_name)
    except ImportError as error:
        raise CellError(
            f"cannot import the module of the cell {spec!r}: {error}. It must be on the Python "
            "path: run from its folder or install it"
        ) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            near = get_close_matches(part, dir(found), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise CellError(f"module {module_name} has no {part!r}, which {spec!r} asks for{hint}")
        found = getattr(found, part)
    if not callable(found):
        raise CellError(f"{spec!r} is {found!r}, not a class or function that makes a cell")
    return found
