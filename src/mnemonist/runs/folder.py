"""The run folder: the product of a training, and what a killed one goes on from."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePath
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mnemonist.errors import RunFolderError
from mnemonist.runs.checkpoints import CheckpointFolder
from mnemonist.runs.differences import differences
from mnemonist.runs.files import (
    PARTIAL,
    explained,
    file_digest,
    plain,
    read_json,
    to_json,
    write_atomically,
)
from mnemonist.runs.lock import LOCK_NAME, FolderLock
from mnemonist.runs.manifest import (
    MANIFEST_NAME,
    FileEntry,
    Manifest,
    package_version,
    read_manifest,
)

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["RunFolder"]

CONFIG, MODEL, METRICS, CHECKPOINTS = (
    "config.json",
    "model.safetensors",
    "metrics.jsonl",
    "checkpoints",
)
_MAX_METRICS_BYTES = 256 * 2**20


class RunFolder:
    """A folder with everything about one training: see docs/run-folder.md.

    `open` is for training, `load` for using what was trained. A process of torchrun other
    than the first writes nothing; its saving methods do nothing.

    Attributes:
        path: the folder.
        manifest: its manifest.
        finished: whether training is over; then nothing needs to be done.
        checkpoints: for `mnemonist.training.fit`.
        notes: what a person should be told, e.g. that an older checkpoint was used.
    """

    def __init__(
        self, path: Path, manifest: Manifest, lock: FolderLock | None, writes: bool
    ) -> None:
        self.path, self.manifest = path, manifest
        self._lock, self._writes = lock, writes
        self.checkpoints = CheckpointFolder(
            path / CHECKPOINTS,
            path / METRICS,
            advice=f"Run the same command again to go on from there; the run folder is {path}.",
        )

    @property
    def finished(self) -> bool:
        return self.manifest.status == "finished"

    @property
    def notes(self) -> list[str]:
        return self.checkpoints.notes

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        job: str,
        config: Any,
        data_fingerprint: Mapping[str, Any],
        overwrite: bool = False,
    ) -> RunFolder:
        """A folder to train in: a new one, or one whose training goes on or is finished.

        Args:
            path: the folder; made if it does not exist.
            job: e.g. "forecast".
            config: the resolved configuration, a pydantic model or a dict.
            data_fingerprint: what identifies the data, JSON values by name.
            overwrite: delete the run that is there and begin anew. Never deletes a folder
                that is not a run folder.

        Raises:
            RunFolderError: the folder holds a run with another configuration, data or format,
                or other files; it is damaged, in use, or cannot be written.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as home:
        ...     with RunFolder.open(f"{home}/run", job="forecast", config={"cell": "lstm"},
        ...                         data_fingerprint={"sha256": "ab12"}) as run:
        ...         run.save_json("data.json", {"rows": 100})
        ...         run.finish()
        ...     RunFolder.load(f"{home}/run").load_json("data.json")
        {'rows': 100}
        """
        path = Path(path)
        config, data = json.loads(to_json(config)), json.loads(to_json(dict(data_fingerprint)))
        manifest = _new_manifest(job, config, data)
        if _is_beside_first():
            return cls._beside_first(path, manifest, overwrite)
        if path.exists() and not path.is_dir():
            raise RunFolderError(f"{path} is a file: choose another folder with --run")
        with explained(path, "made"):
            path.mkdir(parents=True, exist_ok=True)
        if not (path / MANIFEST_NAME).exists():
            _refuse_foreign_files(path)
        elif not overwrite:
            existing = read_manifest(path)
            if existing.status == "finished":
                _refuse_differences(path, existing, manifest, config)
                _verify(path, existing)
                return cls(path, existing, None, writes=True)
        lock = FolderLock(path)
        try:
            if overwrite:
                _clear(path)
            if (path / MANIFEST_NAME).exists():
                existing = read_manifest(path)
                _refuse_differences(path, existing, manifest, config)
                manifest = existing
            else:
                _write_manifest(path, manifest)
            if not (path / CONFIG).exists():
                write_atomically(path / CONFIG, to_json(config))
        except BaseException:
            lock.release()
            raise
        return cls(path, manifest, lock, writes=True)

    @classmethod
    def _beside_first(cls, path: Path, manifest: Manifest, overwrite: bool) -> RunFolder:
        """For the other processes of torchrun: the first one checks and writes."""
        if not overwrite and (path / MANIFEST_NAME).exists():
            existing = read_manifest(path)
            if existing.status == "finished":
                manifest = existing
        return cls(path, manifest, None, writes=False)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, unfinished: bool = False) -> RunFolder:
        """A finished run, to read; every file is checked against its checksum. Runs no code.

        Args:
            path: the folder.
            unfinished: also accept one whose training is not over.

        Raises:
            RunFolderError: it is none, of another format, damaged, or not finished.
        """
        path = Path(path)
        if not path.is_dir():
            raise RunFolderError(
                f"there is no run folder {path}: give the folder that `mnemonist train` printed"
            )
        manifest = read_manifest(path)
        if manifest.status != "finished" and not unfinished:
            raise RunFolderError(
                f"the training in {path} is not finished: run the same train command again to go on"
            )
        _verify(path, manifest)
        return cls(path, manifest, None, writes=False)

    @property
    def config(self) -> dict[str, Any]:
        """The resolved configuration."""
        values = self.load_json(CONFIG)
        if hashlib.sha256(to_json(values)).hexdigest() != self.manifest.config_sha256:
            raise RunFolderError(
                f"{self.path / CONFIG} was changed after the run began: restore it, or train again "
                "into another folder"
            )
        return values

    def save_json(self, name: str, value: Any) -> None:
        """Write a JSON file, such as "preprocessing.json"."""
        self.save_bytes(name, to_json(value))

    def save_text(self, name: str, text: str) -> None:
        """Write a text file as UTF-8, such as "report.html"."""
        self.save_bytes(name, text.encode())

    def save_bytes(self, name: str, data: bytes) -> None:
        """Write a file; whole or not at all."""
        path = self._inside(name)
        if not self._writes:
            return
        if self.finished and name in self.manifest.files:
            # Between the two writes a kill leaves an unlisted file, not one that looks damaged.
            del self.manifest.files[name]
            _write_manifest(self.path, self.manifest)
        write_atomically(path, data)
        if self.finished:
            self.manifest.files[name] = _entry(path)
            _write_manifest(self.path, self.manifest)

    def load_json(self, name: str) -> Any:
        """Read a JSON file.

        Raises:
            RunFolderError: it is missing or damaged.
        """
        return read_json(self._inside(name))

    def save_model(
        self, state_dict: Mapping[str, Tensor], meta: Mapping[str, Any] | None = None
    ) -> None:
        """Write model.safetensors: tensors by name, and JSON values about them."""
        from safetensors.torch import save

        tensors = {n: t.detach().cpu().contiguous().clone() for n, t in state_dict.items()}
        self.save_bytes(MODEL, save(tensors, {"meta": json.dumps(plain(dict(meta or {})))}))

    def load_model(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The tensors and values that `save_model` was given.

        Raises:
            RunFolderError: the file is missing or damaged.
        """
        from safetensors import SafetensorError, safe_open

        path = self._inside(MODEL)
        if not path.is_file():
            raise RunFolderError(f"{path} is missing: run the train command again")
        try:
            with safe_open(path, framework="pt") as file:
                meta = json.loads((file.metadata() or {}).get("meta", "{}"))
                return {name: file.get_tensor(name).clone() for name in file.keys()}, meta  # noqa: SIM118
        except (SafetensorError, OSError, ValueError) as error:
            raise RunFolderError(
                f"{path} is damaged, it is not a whole safetensors file ({error}): restore it from "
                "a copy, or train again into another folder"
            ) from error

    def append_metrics(self, values: Mapping[str, Any]) -> None:
        """Add a line to metrics.jsonl."""
        if self._writes:
            self.checkpoints.record(values)

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; a last one that a kill cut off is left out."""
        path = self.path / METRICS
        if not path.exists():
            return []
        with explained(path, "read"):
            if path.stat().st_size > _MAX_METRICS_BYTES:
                raise RunFolderError(f"{path} is larger than {_MAX_METRICS_BYTES:,} bytes")
            data = path.read_bytes()
        lines = data[: data.rfind(b"\n") + 1].splitlines()
        try:
            return [json.loads(line) for line in lines]
        except ValueError as error:
            raise RunFolderError(f"{path} is damaged ({error}): restore it from a copy") from error

    def finish(self) -> None:
        """Seal the folder: note every file's checksum and mark the run finished."""
        if self._writes and not self.finished:
            names = sorted(
                p.name
                for p in self.path.iterdir()
                if p.is_file()
                and p.name not in (MANIFEST_NAME, LOCK_NAME)
                and PARTIAL not in p.name
            )
            self.manifest.files = {name: _entry(self.path / name) for name in names}
            self.manifest.status, self.manifest.finished = "finished", _now()
            _write_manifest(self.path, self.manifest)
        self.close()

    def close(self) -> None:
        """Let another training use the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _inside(self, name: str) -> Path:
        if PurePath(name).name != name or name in ("", ".", "..", MANIFEST_NAME, LOCK_NAME):
            raise RunFolderError(f"{name!r} is not the name of a file that a run folder may hold")
        return self.path / name


def _is_beside_first() -> bool:
    """Whether this is a process of torchrun other than the first."""
    torchrun = os.environ.keys() >= {"WORLD_SIZE", "RANK", "MASTER_ADDR"}
    return torchrun and int(os.environ["RANK"]) > 0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _new_manifest(job: str, config: Any, data: dict[str, Any]) -> Manifest:
    from importlib.metadata import version

    return Manifest(
        mnemonist=package_version(),
        torch=version("torch"),
        job=job,
        created=_now(),
        config_sha256=hashlib.sha256(to_json(config)).hexdigest(),
        data=data,
    )


def _write_manifest(path: Path, manifest: Manifest) -> None:
    write_atomically(path / MANIFEST_NAME, to_json(manifest))


def _entry(path: Path) -> FileEntry:
    digest, size = file_digest(path)
    return FileEntry(sha256=digest, bytes=size)


def _refuse_foreign_files(path: Path) -> None:
    ours = {LOCK_NAME, MANIFEST_NAME + PARTIAL}
    names = sorted(entry.name for entry in path.iterdir() if entry.name not in ours)
    if names:
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        raise RunFolderError(
            f"{path} holds {shown} and is not a run folder; nothing there is overwritten: choose "
            "another folder with --run, or empty this one"
        )


def _clear(path: Path) -> None:
    with explained(path, "emptied"):
        # The manifest goes last, so that a kill leaves a folder that is still known as ours.
        for entry in sorted(path.iterdir(), key=lambda entry: entry.name == MANIFEST_NAME):
            if entry.name == LOCK_NAME:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _refuse_differences(path: Path, there: Manifest, here: Manifest, config: Any) -> None:
    found: list[str] = []
    if there.config_sha256 != here.config_sha256:
        found += differences(read_json(path / CONFIG), config)
    found += differences({"job": there.job}, {"job": here.job})
    found += differences(there.data, here.data, "data.")
    if there.status == "training":
        versions = {"mnemonist": there.mnemonist, "torch": there.torch}
        found += differences(
            versions, {"mnemonist": here.mnemonist, "torch": here.torch}, "version of "
        )
    if found:
        raise RunFolderError(
            f"{path} holds a run that differs (there -> now): {'; '.join(found)}. Use the "
            "same settings to go on, choose another folder with --run, or overwrite it with "
            "--overwrite"
        )


def _verify(path: Path, manifest: Manifest) -> None:
    for name, entry in manifest.files.items():
        if PurePath(name).name != name:
            raise RunFolderError(f"{path / MANIFEST_NAME} is damaged: it names the file {name!r}")
        file = path / name
        if not file.is_file():
            raise RunFolderError(f"{file} is missing: restore it from a copy, or train again")
        if file.stat().st_size != entry.bytes or _entry(file) != entry:
            raise RunFolderError(
                f"{file} is damaged: its contents do not match the checksum in {MANIFEST_NAME}. "
                "Restore it from a copy, or train again into another folder"
            )
