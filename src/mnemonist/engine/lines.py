"""Which line of the author's code is running."""

from __future__ import annotations

import linecache
import os
import sys
from types import FrameType

import torch
from torch.nn.utils import parametrize

__all__ = ["inside_parametrization", "location", "running_step"]

_TORCH = os.path.dirname(torch.__file__) + os.sep
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_PARAMETRIZE = parametrize.__file__


def running_step() -> FrameType | None:
    """The innermost ``step`` that is running, or else the caller's own code."""
    frame, found = sys._getframe(1), None
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((_TORCH, _HERE, "<")) or frame.f_code.co_name == "step":
            if found is None or frame.f_code.co_name == "step":
                found = frame
            if frame.f_code.co_name == "step":
                break
        frame = frame.f_back  # type: ignore[assignment]
    return found


def location(frame: FrameType | None) -> str:
    """The line that a frame is at."""
    if frame is None:
        return ""
    path, line = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(path, line).strip()
    return f"{os.path.basename(path)}:{line}" + (f": {text}" if text else "")


def inside_parametrization() -> bool:
    """Whether a parametrisation of a weight is being computed."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == _PARAMETRIZE:
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
