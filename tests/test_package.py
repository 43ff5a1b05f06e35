"""What a user installs: the names, the files in the wheel, the versions that are pinned."""

from __future__ import annotations

import os
import shutil
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


def build(kind: str, folder: Path, **environment: str) -> tuple[Path, str]:
    """Build a wheel or sdist by the backend that pyproject.toml names, without the network.

    Returns the file, and what the backend printed. The package is pure Python unless the
    environment says otherwise: compiling takes a minute.
    """
    backend = PROJECT["build-system"]["build-backend"]
    code = f"import sys, {backend} as b; print(b.build_{kind}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT,
        env={**os.environ, "MNEMONIST_NATIVE": "0", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / done.stdout.split()[-1], done.stdout + done.stderr


def engine_of(wheel: Path, folder: Path) -> str:
    """What the package of a wheel says of its engine, run from the wheel's files alone."""
    with zipfile.ZipFile(wheel) as files:
        files.extractall(folder)
    code = (
        "import mnemonist; from mnemonist.engine.native import library; "
        "print(mnemonist.__file__, library.describe())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    file, _, said = done.stdout.strip().partition(" ")
    assert Path(file).is_relative_to(folder)
    return said


def extensions(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as files:
        return [name for name in files.namelist() if name.endswith((".so", ".pyd"))]


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
    built, _ = build("wheel", tmp_path)
    assert built.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(built) as wheel:
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
    with tarfile.open(build("sdist", tmp_path)[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    native = {str(p.relative_to(ROOT)) for p in (ROOT / "native").rglob("*") if p.is_file()}
    assert "native/CMakeLists.txt" in native
    assert native <= names
    assert {"pyproject.toml", "constraints.txt", "Makefile", "LICENSE", "NOTICE"} <= names
    assert {"src/mnemonist/__init__.py", "tests/test_package.py", "README.md"} <= names
    assert not [n for n in names if n.startswith((".venv", "build/", "runs/", "site/"))]
    assert not [n for n in names if n.endswith((".so", ".pyc"))]


@pytest.mark.acceptance
def test_with_a_compiler_the_wheel_has_the_engine(tmp_path: Path) -> None:
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        pytest.skip("there is no compiler")
    wheel, _ = build("wheel", tmp_path, MNEMONIST_NATIVE="1")
    (extension,) = extensions(wheel)
    stable = sys.version_info >= (3, 12)
    assert extension.startswith("mnemonist/_native.")
    assert ("abi3" in extension) is stable
    assert ("-cp312-abi3-" in wheel.name) is stable
    assert engine_of(wheel, tmp_path / "files").startswith("native (")


def test_without_a_compiler_the_wheel_is_pure_and_says_why(tmp_path: Path) -> None:
    # CMake looks for a compiler in the system's own folders too, unless CXX names one.
    only = Path(sys.executable).parent
    wheel, said = build(
        "wheel", tmp_path, MNEMONIST_NATIVE="1", PATH=str(only), CXX="no-such-compiler"
    )
    assert "Built without the compiled engine" in said
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not extensions(wheel)
    engine = engine_of(wheel, tmp_path / "files")
    assert engine.startswith("eager, in torch operations, because")
    assert "there was no C++ compiler" in engine


def test_where_the_engine_does_not_compile_the_wheel_is_pure(tmp_path: Path) -> None:
    wheel, said = build("wheel", tmp_path, MNEMONIST_NATIVE="1", CXXFLAGS="-include no-such-file.h")
    assert "Built without the compiled engine" in said
    assert not extensions(wheel)


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
