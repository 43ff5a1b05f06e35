"""Random numbers: one seed for all generators, and their state as tensors."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["RngState", "seed_everything"]


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and torch's global generators (on every device).

    >>> seed_everything(7); first = torch.rand(3), random.random()
    >>> seed_everything(7); first[0].equal(torch.rand(3)) and first[1] == random.random()
    True
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the global generator that other code uses
    torch.manual_seed(seed)


class RngState:
    """The global generators, the device's, and one of our own, at a moment.

    Reading those of Python and NumPy takes 0.1 ms, as long as an update of a small model, so
    `torch_only` leaves them out.

    >>> own = torch.Generator().manual_seed(1)
    >>> state = RngState(torch.device("cpu"), own)
    >>> drawn = random.random(), float(torch.rand(())), float(torch.rand((), generator=own))
    >>> state.restore(own)
    >>> drawn == (random.random(), float(torch.rand(())), float(torch.rand((), generator=own)))
    True
    """

    def __init__(
        self, device: torch.device, generator: torch.Generator, *, torch_only: bool = False
    ) -> None:
        self.device = device
        self.torch, self.own = torch.get_rng_state(), generator.get_state()
        self.cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        self.python: Any = None
        self.numpy: Any = None
        if not torch_only:
            self.python = random.getstate()
            self.numpy = np.random.get_state(legacy=False)  # noqa: NPY002

    def restore(self, generator: torch.Generator) -> None:
        """Put every generator back to that moment."""
        torch.set_rng_state(self.torch)
        generator.set_state(self.own)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda, self.device)
        if self.python is not None:
            random.setstate(self.python)
            np.random.set_state(self.numpy)  # noqa: NPY002

    def to_storage(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """As tensors and JSON."""
        version, words, gauss = self.python
        inner = self.numpy["state"]
        tensors = {
            "torch": self.torch,
            "own": self.own,
            "python": torch.tensor(words, dtype=torch.int64),
            "numpy": torch.from_numpy(inner["key"].astype(np.int64)),
        }
        if self.cuda is not None:
            tensors["cuda"] = self.cuda
        numpy = {key: self.numpy[key] for key in ("has_gauss", "gauss")} | {
            "pos": int(inner["pos"])
        }
        return tensors, {"python": [version, gauss], "numpy": numpy}

    @classmethod
    def from_storage(
        cls, tensors: Mapping[str, Tensor], meta: Mapping[str, Any], device: torch.device
    ) -> RngState:
        """The inverse of `to_storage`."""
        state = cls.__new__(cls)
        version, gauss = meta["python"]
        state.device = device
        state.python = (version, tuple(tensors["python"].tolist()), gauss)
        key = tensors["numpy"].numpy().astype(np.uint32)
        state.numpy = {
            "bit_generator": "MT19937",
            "state": {"key": key, "pos": meta["numpy"]["pos"]},
            "has_gauss": meta["numpy"]["has_gauss"],
            "gauss": meta["numpy"]["gauss"],
        }
        state.torch, state.own, state.cuda = tensors["torch"], tensors["own"], tensors.get("cuda")
        return state
