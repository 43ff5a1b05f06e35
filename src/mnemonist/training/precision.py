"""Mixed precision where the device has it, and a plain error where it does not."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from mnemonist.errors import ConfigError

__all__ = ["autocast", "grad_scaler", "resolve_device"]


def resolve_device(name: str | None, model_device: torch.device, local_rank: int) -> torch.device:
    """The device to train on.

    Raises:
        ConfigError: an unknown device, or one that this machine does not have.
    """
    if name is None:
        return model_device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(
            f"device {name!r} is not one that torch knows: try cpu or cuda"
        ) from error
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if device.index is None:
            device = torch.device("cuda", local_rank)
        if (device.index or 0) >= count:
            raise ConfigError(
                f"device {name!r} was asked for, but torch {torch.__version__} sees "
                f"{count or 'no'} CUDA device(s) here: choose --device cpu or auto"
            )
    return device


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """The context in which the loss is computed.

    Raises:
        ConfigError: the device cannot compute in this precision.
    """
    if precision == "float32":
        return nullcontext()
    if precision == "float16" and device.type != "cuda":
        raise ConfigError(
            f"precision float16 needs a CUDA device (its small range needs loss scaling there); "
            f"the model is on {device}: choose bfloat16 or float32"
        )
    if device.type == "cuda" and precision == "bfloat16" and not torch.cuda.is_bf16_supported():
        raise ConfigError(
            f"{torch.cuda.get_device_name(device)} does not compute in bfloat16: "
            "choose float16 or float32"
        )
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(
            f"precision {precision} is for cpu and cuda; got {device}: choose float32"
        )
    return torch.autocast(device.type, getattr(torch, precision))


def grad_scaler(precision: str, device: torch.device) -> torch.amp.GradScaler:
    """Loss scaling for float16 (Micikevicius et al. 2018); does nothing otherwise."""
    return torch.amp.GradScaler(device.type, enabled=precision == "float16")
