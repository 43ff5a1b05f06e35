"""Checkpoints on disk: the last two, each one file, each checked before it is trusted."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnemonist.errors import RunFolderError
from mnemonist.runs.files import PARTIAL, explained, fsync_directory, to_json

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CheckpointFolder"]

_KEPT = 2


class CheckpointFolder:
    """`mnemonist.training.Checkpoints` in a directory, with the metrics file beside it.

    A checkpoint is a safetensors file whose header holds the JSON part, the length that
    metrics.jsonl had, and a SHA-256 over all of it. It is written under another name, synced
    and renamed, so a kill leaves the one before. A damaged newest one is passed over, aloud
    (`notes`).

    Args:
        folder: where the checkpoints are; made when the first is saved.
        metrics: the metrics file. `load` cuts off what was written after the checkpoint.
        advice: the sentence for `how_to_continue`.
    """

    def __init__(self, folder: Path, metrics: Path, advice: str = "") -> None:
        self.folder, self.metrics = Path(folder), Path(metrics)
        self.notes: list[str] = []
        self._advice = advice or f"The state is in {folder}; run the same command to go on."

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The newest intact checkpoint as (tensors, meta), or None if none was ever saved.

        Raises:
            RunFolderError: there are checkpoints, and none is intact.
        """
        files = self._files()
        damage: list[str] = []
        for path in reversed(files):
            try:
                tensors, meta, length = _read(path)
                self._truncate_metrics(length)
            except RunFolderError as error:
                damage.append(f"{path.name}: {error}")
                continue
            if damage:
                self.notes.append(
                    f"went back to {path.name}, because a newer one is damaged ({'; '.join(damage)})"
                )
            return tensors, meta
        if damage:
            raise RunFolderError(
                f"no checkpoint in {self.folder} is intact ({'; '.join(damage)}): restore one from a "
                "copy, or train into another folder"
            )
        self._truncate_metrics(0)
        return None

    def save(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """Store one and forget all but the last two."""
        from safetensors.torch import save

        with explained(self.folder, "written"):
            self.folder.mkdir(parents=True, exist_ok=True)
            length = self._sync_metrics()
            files = self._files()
            number = int(files[-1].stem.rpartition("-")[2]) + 1 if files else 1
            path = self.folder / f"checkpoint-{number:08d}.safetensors"
            text = json.dumps(meta, allow_nan=False)
            header = {"meta": text, "metrics_bytes": str(length)}
            header["sha256"] = _digest(tensors, text, length)
            partial = path.with_name(path.name + PARTIAL)
            with partial.open("wb") as file:
                file.write(save(dict(tensors), header))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            fsync_directory(self.folder)
            for old in [*files[: max(0, len(files) + 1 - _KEPT)], *self.folder.glob(f"*{PARTIAL}")]:
                old.unlink(missing_ok=True)

    def record(self, values: Mapping[str, Any]) -> None:
        """Append a line to the metrics."""
        with explained(self.metrics, "written"), self.metrics.open("ab") as file:
            file.write(to_json(dict(values), indent=None))

    def how_to_continue(self) -> str:
        """Where the state is and what to do."""
        return self._advice

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("checkpoint-*.safetensors"))

    def _sync_metrics(self) -> int:
        if not self.metrics.exists():
            return 0
        with self.metrics.open("ab") as file:
            os.fsync(file.fileno())
            return file.tell()

    def _truncate_metrics(self, length: int) -> None:
        size = self.metrics.stat().st_size if self.metrics.exists() else 0
        if size < length:
            raise RunFolderError(
                f"{self.metrics.name} has {size} bytes, and had {length} when this was saved"
            )
        if size > length:
            with explained(self.metrics, "written"), self.metrics.open("r+b") as file:
                file.truncate(length)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any], int]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        text, length = header["meta"], int(header["metrics_bytes"])
        digest = header["sha256"]
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise RunFolderError(f"not a whole checkpoint ({error})") from error
    if digest != _digest(tensors, text, length):
        raise RunFolderError("its contents do not match its checksum")
    return tensors, json.loads(text), length


def _digest(tensors: Mapping[str, Tensor], text: str, metrics_bytes: int) -> str:
    import torch

    digest = hashlib.sha256(f"{metrics_bytes}\n{text}".encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
