"""Cells by name, what they say about themselves, and the page made of it."""

import copy
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import mnemonist.cells
from mnemonist import cells
from mnemonist.cells import registry
from mnemonist.errors import CellError

BASES = {cells.Cell, cells.GatedCell}


def written_here():
    """Every Cell subclass that a module of the package defines and does not hide."""
    found = {}
    for info in pkgutil.iter_modules(mnemonist.cells.__path__, "mnemonist.cells."):
        module = importlib.import_module(info.name)
        for name, kind in vars(module).items():
            if (
                isinstance(kind, type)
                and issubclass(kind, cells.Cell)
                and kind.__module__ == info.name
                and not name.startswith("_")
            ):
                found[name] = kind
    return found


FAMILIES = {
    name: kind
    for name, kind in written_here().items()
    if kind not in BASES and not issubclass(kind, cells.Regulariser)
}


def test_every_cell_of_the_package_has_a_name_and_every_name_a_cell():
    assert {cells.get(name) for name in cells.names()} == set(FAMILIES.values())


def test_every_public_class_is_exported():
    assert set(written_here()) <= set(cells.__all__)
    for name in cells.__all__:
        assert getattr(cells, name) is not None
    assert set(cells.__all__) <= set(dir(cells))


@pytest.mark.parametrize("name", cells.names())
def test_every_cell_says_what_it_computes_and_whose_it_is(name):
    about = cells.describe(name)
    assert about.name == name
    assert about.summary
    assert any(
        year.isdigit() and 1980 < int(year) < 2027
        for year in about.source.replace(",", " ").split()
    )
    kind = cells.get(name)
    for state in kind.states:
        assert f"{state}_t" in about.formula or f"[{state} " in about.formula or state == "t"


@pytest.mark.parametrize("name", cells.names())
def test_the_page_of_cells_shows_every_formula(name):
    page = (Path(__file__).parents[2] / "docs" / "cells.md").read_text(encoding="utf-8")
    assert f"\n## {name}\n" in page
    assert cells.describe(name).formula in page


def test_the_page_of_cells_is_the_one_that_the_docstrings_give():
    from mnemonist.cells.__main__ import page

    written = (Path(__file__).parents[2] / "docs" / "cells.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m mnemonist.cells > docs/cells.md"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("LSTM", "LSTM"),
        ("GRU-reset-before", "GRUResetBefore"),
        ("peepholelstm", "PeepholeLSTM"),
        ("rnn", "Elman"),
        ("V", "PeepholeLSTM"),
        ("CIFG", "CIFG"),
    ],
)
def test_people_write_names_in_their_own_way(given, found):
    assert cells.get(given).__name__ == found


@pytest.mark.parametrize(
    ("wrong", "nearest"), [("lsmt", "lstm"), ("min_gru", "mingru"), ("jordn", "jordan")]
)
def test_a_misspelt_name_is_answered_with_the_nearest(wrong, nearest):
    with pytest.raises(CellError, match=f"no cell '{wrong}': did you mean '{nearest}'"):
        cells.get(wrong)


def test_names_cost_no_import_of_torch():
    code = (
        "import sys; from mnemonist import cells; cells.names(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_import_runs_code_so_it_must_be_allowed(tmp_path, monkeypatch):
    (tmp_path / "my_cells.py").write_text(
        "from mnemonist.cells import Elman\nclass Mine(Elman):\n    pass\nNUMBER = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CellError, match="allow that explicitly"):
        cells.resolve("my_cells:Mine")
    assert cells.resolve("my_cells:Mine", allow_import=True)(2, 3).hidden_size == 3
    with pytest.raises(CellError, match="did you mean 'Mine'"):
        cells.resolve("my_cells:Mien", allow_import=True)
    with pytest.raises(CellError, match="3, not a class"):
        cells.resolve("my_cells:NUMBER", allow_import=True)
    with pytest.raises(CellError, match="cannot import the module"):
        cells.resolve("your_cells:Mine", allow_import=True)


def test_a_class_or_a_function_needs_no_name():
    assert cells.resolve(cells.MGU) is cells.MGU
    made = cells.resolve(lambda i, h: cells.Leaky(i, h, leak=0.1))(2, 3)
    assert made.leak == 0.1
    with pytest.raises(CellError, match="give its class"):
        cells.resolve(object.__new__(type("Instance", (), {"step": None})))


def test_a_cell_of_the_users_is_described_too():
    class Mine(nn.Module):
        """Mine.

        h_t = x_t
        """

    about = cells.describe(Mine)
    assert (about.name, about.summary, about.source, about.formula) == (
        "",
        "Mine.",
        "",
        "h_t = x_t",
    )
    assert str(about) == "Mine."


def test_an_unknown_attribute_is_named():
    with pytest.raises(AttributeError, match="no attribute 'LTSM'"):
        _ = cells.LTSM


@pytest.mark.parametrize("name", cells.names())
def test_cells_survive_copy_state_dict_and_dtype(name):
    torch.manual_seed(0)
    cell = cells.get(name)(2, 4).eval()
    x = torch.randn(3, 2)
    expected = cell(x)[0]
    torch.manual_seed(1)
    other = cells.get(name)(2, 4).eval()
    other.load_state_dict(cell.state_dict())
    torch.testing.assert_close(other(x)[0], expected)
    torch.testing.assert_close(copy.deepcopy(cell)(x)[0], expected)
    doubled = cell.double()(x.double())[0]
    assert doubled.dtype == torch.float64
    torch.testing.assert_close(doubled.float(), expected, rtol=1e-4, atol=1e-5)


def test_every_home_is_a_module_of_the_package():
    assert all(home.count(":") == 1 for home in registry.HOMES.values())
