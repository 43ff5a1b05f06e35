"""Everything that must survive a kill, as tensors and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from mnemonist.errors import ConfigError
from mnemonist.training.history import History
from mnemonist.training.nest import flatten, to_device, unflatten
from mnemonist.training.optimizers import load_optimizer_state, optimizer_state
from mnemonist.training.rng import RngState

if TYPE_CHECKING:
    from mnemonist.training.loop import Training

__all__ = ["collect", "restore", "shared_checkpoint"]

FORMAT = "mnemonist.checkpoint/2"


def collect(
    training: Training, rng: RngState | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The whole state; on process 0 with what is particular to each process.

    Args:
        rng: generators at an earlier moment to store in place of those of now.
    """
    named = list(training.model.named_parameters())
    optimizer, optimizer_rest = optimizer_state(training.optimizer, named)
    average, average_rest = training.average.state_dict()
    tensors = {
        **_prefixed("model", training.model.state_dict()),
        **_prefixed("average", average),
        **_prefixed("best", training.stopping.best_weights),
        **_prefixed("optimizer", optimizer),
    }
    meta: dict[str, Any] = {
        "format": FORMAT,
        "config": training.config.model_dump(mode="json"),
        "processes": training.world.size,
        "batches": len(training.train),
        "position": training.position.to_dict(),
        "sums": training.sums.to_dict(),
        "history": training.history.to_dict(),
        "schedule": training.schedule.state_dict(),
        "stopping": training.stopping.state_dict(),
        "average": average_rest,
        "scaler": training.scaler.state_dict(),
        "optimizer": optimizer_rest,
        "ranks": [],
    }
    rng = rng or RngState(training.device, training.generator)
    parts = training.world.gather(_pack(*_rank_part(rng, training.carried)))
    if training.world.rank == 0:
        for rank, (own, own_meta) in enumerate(map(_unpack, parts)):
            tensors |= _prefixed(f"rank{rank}", own)
            meta["ranks"].append(own_meta)
    return {n: t.detach().cpu().clone().contiguous() for n, t in tensors.items()}, meta


def restore(training: Training, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Continue where `collect` was called.

    Raises:
        ConfigError: the checkpoint is of another training.
    """
    _check_same(training, meta)
    model, device = training.model, training.device
    try:
        model.load_state_dict(_under("model", tensors))
    except RuntimeError as error:
        raise ConfigError(
            f"the checkpoint does not fit this {type(model).__name__}: {error}"
        ) from error
    load_optimizer_state(
        training.optimizer,
        list(model.named_parameters()),
        _under("optimizer", tensors),
        meta["optimizer"],
    )
    best = {name: tensor.to(device) for name, tensor in _under("best", tensors).items()}
    training.stopping.load_state_dict(meta["stopping"], best)
    training.average.load_state_dict(_under("average", tensors), meta["average"])
    training.schedule.load_state_dict(meta["schedule"])
    if meta["scaler"]:
        training.scaler.load_state_dict(meta["scaler"])
    training.history = History.from_dict(meta["history"])
    training.position = type(training.position)(**meta["position"])
    training.sums = type(training.sums)(**meta["sums"])
    own, own_meta = (
        _under(f"rank{training.world.rank}", tensors),
        meta["ranks"][training.world.rank],
    )
    carried = _under("carried", own)
    ordered = [carried[str(i)] for i in range(len(carried))]
    training.carried = to_device(unflatten(own_meta["carried"], ordered), device)
    RngState.from_storage(_under("rng", own), own_meta["rng"], device).restore(training.generator)


def shared_checkpoint(
    training: Training,
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest checkpoint as process 0 finds it, on every process."""
    world, found = training.world, None
    if training.checkpoints is None:
        return None
    if world.rank == 0:
        found = training.checkpoints.load()
    if world.size == 1:
        return found
    payload = world.broadcast(_pack(*found) if found else b"")
    return _unpack(payload) if payload else None


def _rank_part(rng: RngState, carried: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
    rng_tensors, rng_meta = rng.to_storage()
    kept: list[Tensor] = []
    form = flatten(carried, kept)
    tensors = _prefixed("rng", rng_tensors)
    tensors |= _prefixed("carried", {str(i): t.cpu().clone() for i, t in enumerate(kept)})
    return tensors, {"rng": rng_meta, "carried": form}


def _check_same(training: Training, meta: Mapping[str, Any]) -> None:
    if meta.get("format") != FORMAT:
        raise ConfigError(
            f"the checkpoint has the format {meta.get('format')!r}; this version reads {FORMAT!r}: "
            "continue with the version that wrote it, or start a new run"
        )
    now: dict[str, Any] = {
        **training.config.model_dump(mode="json"),
        "processes": training.world.size,
        "batches of an epoch": len(training.train),
    }
    then: dict[str, Any] = {
        **meta["config"],
        "processes": meta["processes"],
        "batches of an epoch": meta["batches"],
    }
    ignored = {"checkpoint_every"}  # the only choice that does not touch the result
    different = [
        f"{name}: {then.get(name)!r} -> {now.get(name)!r}"
        for name in {**then, **now}
        if name not in ignored and then.get(name) != now.get(name)
    ]
    if different:
        raise ConfigError(
            "the checkpoint is of another training (there -> here): " + "; ".join(different) + ". "
            "Use the same settings to go on, or another run folder"
        )


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}/"
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}


def _pack(tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> bytes:
    text = torch.frombuffer(bytearray(json.dumps(meta).encode()), dtype=torch.uint8)
    return save_tensors({**{n: t.contiguous() for n, t in tensors.items()}, "meta": text})


def _unpack(payload: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors = load_tensors(payload)
    return tensors, json.loads(bytes(tensors.pop("meta").numpy()))
