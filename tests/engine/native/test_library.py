"""Whether the compiled engine is there, why not, for which processor, and its memory."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from threading import Thread
from types import ModuleType, SimpleNamespace

import pytest
import torch

import mnemonist
from mnemonist.cli.info import installation
from mnemonist.engine.native import library
from mnemonist.errors import ConfigError

built = pytest.mark.skipif(not library.available(), reason="the compiled engine is not built")


class Finder:
    """Stands before all others for ``mnemonist._native``, with what `find` says about it."""

    def __init__(self, find: Callable[[], None]) -> None:
        self.find = find

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != "mnemonist._native":
            return None
        self.find()
        return ModuleSpec(name, self)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = ModuleType(spec.name)
        module.__version__ = "0.0.1"  # type: ignore[attr-defined]
        return module

    def exec_module(self, module: ModuleType) -> None:
        pass


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Put something in the place of the extension module."""

    def put(find: Callable[[], None]) -> None:
        monkeypatch.delitem(sys.modules, "mnemonist._native", raising=False)
        monkeypatch.setattr(sys, "meta_path", [Finder(find), *sys.meta_path])
        library._load.cache_clear()

    monkeypatch.delenv("MNEMONIST_NATIVE", raising=False)
    monkeypatch.delenv("MNEMONIST_ISA", raising=False)
    yield put
    monkeypatch.undo()
    library._load.cache_clear()


def raises(error: Exception) -> Callable[[], None]:
    def find() -> None:
        raise error

    return find


def test_an_extension_that_was_not_built_says_how_to_build_it(instead) -> None:
    instead(raises(ModuleNotFoundError("No module named 'mnemonist._native'")))
    assert not library.available()
    why = library.why_missing()
    assert why is not None
    assert "no C++ compiler" in why
    assert "--no-cache-dir" in why
    assert library.describe() == f"eager, in torch operations, because {why}"
    with pytest.raises(ConfigError, match="no C\\+\\+ compiler"):
        library.module()


def test_an_extension_that_does_not_load_says_why(instead) -> None:
    instead(raises(ImportError("undefined symbol: _ZN9mnemonist")))
    assert library.why_missing() == (
        "the compiled engine was built but does not load: undefined symbol: _ZN9mnemonist"
    )


def test_an_extension_of_another_version_is_not_used(instead) -> None:
    instead(lambda: None)
    why = library.why_missing()
    assert why is not None
    assert "0.0.1" in why
    assert mnemonist.__version__ in why


def test_the_environment_switches_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNEMONIST_NATIVE", "0")
    assert library.why_missing() == "MNEMONIST_NATIVE=0 switches the compiled engine off"
    engine = installation()["engine"]
    assert engine == {"native": False, "description": library.describe()}


@built
def test_it_names_the_instruction_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNEMONIST_ISA", raising=False)
    best = library.isa()
    assert library.module().has_isa(best)
    assert library.describe().startswith("native (")
    monkeypatch.setenv("MNEMONIST_ISA", "portable")
    assert library.isa() == "portable"
    assert library.describe() == "native (portable vectors, forced by MNEMONIST_ISA)"


@built
def test_an_instruction_set_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNEMONIST_ISA", "sse9")
    with pytest.raises(ConfigError, match=r"MNEMONIST_ISA=sse9 names no .*portable, avx2, avx512"):
        library.isa()
    old = SimpleNamespace(best_isa=lambda: "avx2", has_isa=lambda name: name != "avx512")
    monkeypatch.setattr(library, "module", lambda: old)
    monkeypatch.setenv("MNEMONIST_ISA", "avx512")
    with pytest.raises(ConfigError, match=r"AVX-512, which this machine does not have: .* avx2"):
        library.isa()


@built
def test_the_stub_lists_what_the_module_has() -> None:
    stub = Path(mnemonist.__file__).with_name("_native.pyi").read_text(encoding="utf-8")
    listed = set()
    for node in ast.parse(stub).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            listed.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            listed.add(node.target.id)
    native = library.module()
    public = [name for name in dir(native) if not name.startswith("_")]
    there = {name for name in public if not isinstance(getattr(native, name), ModuleType)}
    assert listed == there | {"__version__"}
    assert native.__version__ == mnemonist.__version__


@built
@pytest.mark.parametrize("shape", [(), (7,), (3, 5, 2), (0, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_empty_tensor_is_like_those_of_torch(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    tensor, like = library.empty(shape, dtype), torch.empty(shape, dtype=dtype)
    assert tensor.shape == like.shape
    assert tensor.dtype == dtype
    assert tensor.stride() == like.stride()
    assert tensor.data_ptr() % 64 == 0
    assert torch.equal(tensor.fill_(2.0), like.fill_(2.0))


@built
def test_memory_goes_back_when_the_last_tensor_over_it_dies() -> None:
    native = library.module()
    before = native.arena_use()["in_use"]
    tensor = library.empty((1000, 1000), torch.float32).requires_grad_()
    address = tensor.data_ptr()
    assert native.arena_use()["in_use"] >= before + 4_000_000
    row = tensor.detach()[5]
    del tensor
    assert native.arena_use()["in_use"] >= before + 4_000_000
    holder = [row]
    del row
    other = Thread(target=holder.clear)
    other.start()
    other.join()
    assert native.arena_use()["in_use"] == before
    assert library.empty((1000, 1000), torch.float32).data_ptr() == address
    assert native.arena_use()["in_use"] == before


@built
def test_a_capsule_that_nobody_takes_gives_its_memory_back() -> None:
    native = library.module()
    before = native.arena_use()
    native.empty((1000,), True)
    after = native.arena_use()
    assert after["in_use"] == before["in_use"]
    assert after["taken"] == before["taken"] + 1


@built
def test_what_lies_idle_is_bounded_and_can_be_released() -> None:
    native = library.module()
    limit = native.arena_limit()
    try:
        native.set_arena_limit(3 << 20)
        held = [library.empty((1 << 18,), torch.float32) for _ in range(6)]
        del held
        assert 0 < native.arena_use()["idle"] <= 3 << 20
    finally:
        native.set_arena_limit(limit)
    native.release_arena()
    assert native.arena_use()["idle"] == 0


@built
def test_memory_for_tests_comes_filled_with_nan() -> None:
    native = library.module()
    native.fill_with_nan(True)
    try:
        for dtype in (torch.float32, torch.float64):
            assert library.empty((100,), dtype).isnan().all()
    finally:
        native.fill_with_nan(False)


@built
@pytest.mark.parametrize("shape", [(-1,), (1 << 40, 1 << 40), (1 << 50,)])
def test_sizes_that_cannot_be(shape: tuple[int, ...]) -> None:
    with pytest.raises((ValueError, MemoryError)):
        library.empty(shape, torch.float64)
