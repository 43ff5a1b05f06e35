"""How much is read without being asked; kept apart so that options can be listed without pandas."""

from __future__ import annotations

__all__ = ["MAX_BYTES"]

MAX_BYTES = 256 * 1024 * 1024
