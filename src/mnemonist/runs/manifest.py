"""manifest.json: what a run folder is, and what its files must be."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mnemonist.errors import RunFolderError
from mnemonist.runs.files import read_json, write_atomically

__all__ = ["MANIFEST_NAME", "RUN_FORMAT", "FileEntry", "Manifest", "read_manifest", "write_schema"]

RUN_FORMAT = "mnemonist.run/1"
MANIFEST_NAME = "manifest.json"


class FileEntry(BaseModel):
    """A file of a finished run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class Manifest(BaseModel):
    """What a run folder is.

    Attributes:
        format: of the folder, "mnemonist.run/1".
        mnemonist: version of the package that wrote it.
        torch: version of torch that trained it.
        job: e.g. "forecast".
        status: "training" until `RunFolder.finish`.
        created: UTC time, ISO 8601.
        finished: UTC time, ISO 8601.
        config_sha256: of config.json.
        data: fingerprint of the training data.
        files: checksums, once finished.
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal["mnemonist.run/1"] = "mnemonist.run/1"
    mnemonist: str
    torch: str
    job: str
    status: Literal["training", "finished"] = "training"
    created: str
    finished: str | None = None
    config_sha256: str
    data: dict[str, Any]
    files: dict[str, FileEntry] = Field(default_factory=dict)


def read_manifest(folder: Path) -> Manifest:
    """Read and check a folder's manifest.

    Raises:
        RunFolderError: it is missing, damaged, or of another format.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise RunFolderError(
            f"{folder} is not a run folder (it has no {MANIFEST_NAME}): give the folder that "
            "`mnemonist train` printed"
        )
    values = read_json(path)
    if isinstance(values, dict) and values.get("format") != RUN_FORMAT:
        raise RunFolderError(
            f"{folder} was written by mnemonist {values.get('mnemonist', '(unknown)')} in the format "
            f"{values.get('format')!r}; this is mnemonist {package_version()}, which reads "
            f"{RUN_FORMAT!r}: use that version, or train again into another folder"
        )
    try:
        return Manifest.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise RunFolderError(
            f"{path} is damaged ({where}: {first['msg']}): restore it from a copy, or train again "
            "into another folder"
        ) from error


def package_version() -> str:
    """The version of mnemonist that runs."""
    from mnemonist import __version__

    return __version__


def write_schema(path: Path, model: type[BaseModel], identifier: str) -> None:
    """Write the JSON Schema of a configuration or of the manifest.

    Args:
        path: the file to write.
        model: the pydantic model.
        identifier: its versioned name, e.g. "mnemonist.run/1".
    """
    import json

    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": identifier}
    text = json.dumps(schema | model.model_json_schema(), indent=2, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (text + "\n").encode())
