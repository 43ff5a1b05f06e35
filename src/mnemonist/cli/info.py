"""``mnemonist info``: the installation, its engine and extras, and how to get what is missing."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from json import dumps
from pathlib import Path
from typing import Any

__all__ = ["info", "installation"]

_LIBRARIES = ("torch", "numpy", "pandas", "scikit-learn", "matplotlib", "safetensors")
_FOR_DEVELOPERS = ("dev", "docs")


def info(*, json: bool = False) -> None:
    """Print what is installed: versions, threads, devices, the engine and its executors, extras.

    What is missing is named with the reason or with the command that installs it.

    Args:
        json: print it as one JSON object.
    """
    found = installation()
    print(dumps(found, indent=2, ensure_ascii=False) if json else _text(found))


def installation() -> dict[str, Any]:
    """What ``mnemonist info`` prints, as plain values."""
    import torch

    import mnemonist
    from mnemonist.engine import EXECUTORS
    from mnemonist.engine.native import library

    devices = [
        f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())
    ]
    return {
        "mnemonist": mnemonist.__version__,
        "location": str(Path(mnemonist.__file__).parent),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "threads": {
            "torch": torch.get_num_threads(),
            "cores": os.cpu_count(),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        },
        "devices": ["cpu", *devices],
        "engine": {"native": library.available(), "description": library.describe()},
        "executors": {name: executor.summary for name, executor in EXECUTORS.items()},
        "extras": _extras(),
    }


def _extras() -> list[dict[str, Any]]:
    """The extras that the package declares, the packages of each, and which are there."""
    try:
        requirements = metadata.requires("mnemonist") or []
    except metadata.PackageNotFoundError:
        return []
    packages: dict[str, dict[str, str | None]] = {}
    for requirement in requirements:
        match = re.match(r"([\w.-]+).*;\s*extra\s*==\s*['\"]([\w-]+)['\"]", requirement)
        if match and match[2] not in _FOR_DEVELOPERS:
            packages.setdefault(match[2], {})[match[1]] = _version(match[1])
    return [
        {
            "name": name,
            "packages": needed,
            "installed": all(needed.values()),
            "install": f"pip install 'mnemonist[{name}]'",
        }
        for name, needed in packages.items()
    ]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _text(found: dict[str, Any]) -> str:
    threads = found["threads"]
    libraries = [f"{name} {version or 'missing'}" for name, version in found["libraries"].items()]
    setting = threads["OMP_NUM_THREADS"]
    rows = [
        ("mnemonist", f"{found['mnemonist']}, in {found['location']}"),
        ("python", f"{found['python']}, {found['platform']}"),
        *(("libraries" if i == 0 else "", library) for i, library in enumerate(libraries)),
        (
            "threads",
            f"{threads['torch']} of {threads['cores']} cores"
            + (f" (OMP_NUM_THREADS={setting})" if setting else ""),
        ),
        ("devices", ", ".join(found["devices"])),
        ("engine", found["engine"]["description"]),
        *(
            ("executors" if i == 0 else "", f"{name}: {summary}")
            for i, (name, summary) in enumerate(found["executors"].items())
        ),
    ]
    for i, extra in enumerate(found["extras"]):
        packages = ", ".join(
            f"{name} {version or 'missing'}" for name, version in extra["packages"].items()
        )
        line = f"{extra['name']}: {packages}"
        rows.append(
            (
                "extras" if i == 0 else "",
                line if extra["installed"] else f"{line}; {extra['install']}",
            )
        )
    return "\n".join(f"{title:<11}{value}".rstrip() for title, value in rows)
