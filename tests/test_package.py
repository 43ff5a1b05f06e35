"""What a user installs: the names, the files in the wheel, the versions that are pinned."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mnemonist

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def build(kind: str, folder: Path) -> Path:
    """Build a wheel or sdist by the backend that pyproject.toml names, without the network."""
    backend = PROJECT["build-system"]["build-backend"]
    code = f"import sys, {backend} as b; print(b.build_{kind}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


def test_importing_the_package_imports_no_library() -> None:
    code = (
        "import sys, mnemonist; dir(mnemonist); "
        "sys.exit(', '.join({'torch', 'numpy', 'pandas', 'matplotlib'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", mnemonist.__all__)
def test_every_public_name_is_there_and_listed(name: str) -> None:
    value = getattr(mnemonist, name)
    assert name in dir(mnemonist)
    if isinstance(value, ModuleType):
        assert value.__name__ == f"mnemonist.{name}"
    else:
        assert value.__name__ == name


@pytest.mark.parametrize(
    "package", ["cells", "data", "data.series", "evaluation", "runs", "tasks.forecast", "training"]
)
def test_every_name_of_a_package_that_loads_on_first_use_is_there(package: str) -> None:
    module = import_module(f"mnemonist.{package}")
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name in dir(module)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'LTSM'"):
        mnemonist.LTSM  # noqa: B018


def test_the_wheel_carries_data_types_licences_and_the_command(tmp_path: Path) -> None:
    with zipfile.ZipFile(build("wheel", tmp_path)) as wheel:
        names = set(wheel.namelist())
        info = next(n for n in names if n.endswith(".dist-info/METADATA")).rpartition("/")[0]
        metadata = Parser().parsestr(wheel.read(f"{info}/METADATA").decode())
        entry_points = wheel.read(f"{info}/entry_points.txt").decode()
    source = ROOT / "src"
    expected = {
        str(path.relative_to(source))
        for pattern in ("**/*.py", "**/*.csv", "**/*.txt", "**/py.typed")
        for path in (source / "mnemonist").glob(pattern)
    }
    assert any(name.endswith(".csv") for name in expected), "there are bundled series"
    assert expected <= names
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE"} <= names
    assert not [n for n in names if not n.startswith(("mnemonist/", info))]
    assert metadata["Version"] == mnemonist.__version__
    assert "mnemonist = mnemonist.cli:main" in entry_points


def test_the_sdist_carries_what_the_tests_need(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "constraints.txt", "Makefile", "LICENSE", "NOTICE"} <= names
    assert {"src/mnemonist/__init__.py", "tests/test_package.py", "README.md"} <= names
    assert not [n for n in names if n.startswith((".venv", "runs/", "site/"))]


def test_every_dependency_is_pinned_within_its_range() -> None:
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, version = line.partition("==")
            assert version, f"{line!r} does not pin a version"
            pins[canonicalize_name(name)] = version
    groups = [PROJECT["project"]["dependencies"], PROJECT["build-system"]["requires"]]
    groups += PROJECT["project"]["optional-dependencies"].values()
    for requirement in (Requirement(line) for group in groups for line in group):
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in constraints.txt"
        assert requirement.specifier.contains(version), f"{requirement}, but {version} is pinned"
