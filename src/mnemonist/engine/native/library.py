"""The compiled engine as a library: whether it is there, why not, and for which processor.

Two environment variables steer it, read at every call:

- ``MNEMONIST_NATIVE=0`` switches it off (and at installation: leaves it out);
- ``MNEMONIST_ISA=portable|avx2|avx512`` forces an instruction set. All of them are compiled in,
  and by default the widest runs that this machine has.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from types import ModuleType

import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from mnemonist.errors import ConfigError

__all__ = ["available", "describe", "empty", "empty_behind", "isa", "module", "why_missing"]

_TITLES = {"portable": "portable vectors", "avx2": "AVX2", "avx512": "AVX-512"}
_NOT_BUILT = (
    "the compiled engine was not built when mnemonist was installed: there was no C++ compiler, or "
    "the build failed. With a compiler (GCC 12, Clang 14 or newer), "
    "`pip install --force-reinstall --no-deps --no-cache-dir mnemonist` builds it; in a clone, "
    "`make native` does"
)


def available() -> bool:
    """Whether the compiled engine can run."""
    return why_missing() is None


def why_missing() -> str | None:
    """Why the compiled engine cannot run, as a clause that follows "because"; None if it can."""
    if os.environ.get("MNEMONIST_NATIVE") == "0":
        return "MNEMONIST_NATIVE=0 switches the compiled engine off"
    return _load()[1]


def module() -> ModuleType:
    """The extension module, ``mnemonist._native``.

    Raises:
        ConfigError: it is missing.
    """
    why = why_missing()
    found = _load()[0]
    if why is not None or found is None:
        raise ConfigError(f"The native executor cannot run, because {why}.")
    return found


def isa() -> str:
    """The instruction set that the compiled engine uses: "portable", "avx2" or "avx512".

    Raises:
        ConfigError: the compiled engine is missing, or MNEMONIST_ISA names an instruction set that
            does not exist or that this machine does not have.
    """
    forced = os.environ.get("MNEMONIST_ISA")
    if not forced:
        return _best_isa()
    native = module()
    if forced not in _TITLES:
        raise ConfigError(
            f"MNEMONIST_ISA={forced} names no instruction set: it can be {', '.join(_TITLES)}."
        )
    if not native.has_isa(forced):
        raise ConfigError(
            f"MNEMONIST_ISA={forced} asks for {_TITLES[forced]}, which this machine does not have: "
            f"its best is {native.best_isa()}."
        )
    return forced


def describe() -> str:
    """One line for people: "native (AVX-512)", or that it is eager and why.

    Raises:
        ConfigError: MNEMONIST_ISA asks for what is not there.

    Example:
        >>> from unittest.mock import patch
        >>> with patch.dict("os.environ", MNEMONIST_NATIVE="0"):
        ...     describe()
        'eager, in torch operations, because MNEMONIST_NATIVE=0 switches the compiled engine off'
    """
    why = why_missing()
    if why is not None:
        return f"eager, in torch operations, because {why}"
    name = isa()
    forced = ", forced by MNEMONIST_ISA" if os.environ.get("MNEMONIST_ISA") else ""
    return f"native ({_TITLES[name]}{forced})"


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """An uninitialised tensor on the CPU whose memory comes from the engine's arena.

    Big tensors that live for one training step cost no page faults this way: their memory goes back
    to the arena when they die, and the next step finds it there. The storage cannot be resized.

    Args:
        shape: its sizes.
        dtype: float32 or float64.

    Raises:
        ConfigError: the compiled engine is missing.
    """
    native = _load()[0] or module()
    return from_dlpack(native.empty(shape, dtype is torch.float64))


def empty_behind(ahead: int, shape: Sequence[int], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Two uninitialised tensors over the same memory: all of it, and what is behind its beginning.

    Neither is a view of the other, and autograd does not know that they share memory.

    Args:
        ahead: elements of the first, a vector, that stand before the second.
        shape: the second's sizes.
        dtype: float32 or float64.

    Raises:
        ConfigError: the compiled engine is missing.
    """
    native = _load()[0] or module()
    whole, behind = native.empty_behind(ahead, shape, dtype is torch.float64)
    return from_dlpack(whole), from_dlpack(behind)


@cache
def _best_isa() -> str:
    return str(module().best_isa())


@cache
def _load() -> tuple[ModuleType | None, str | None]:
    """The extension module, and why there is none."""
    import mnemonist

    try:
        found = import_module("mnemonist._native")
    except ModuleNotFoundError:
        return None, _NOT_BUILT
    except ImportError as error:
        return None, f"the compiled engine was built but does not load: {error}"
    if found.__version__ != mnemonist.__version__:
        return None, (
            f"the compiled engine is of version {found.__version__} and the rest is "
            f"{mnemonist.__version__}: `make native` in a clone, or installing again, mends that"
        )
    return found, None
