"""The compiled engine inside torch.compile and torch.export: one operator, the same numbers."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.backends.debugging import aot_eager

from mnemonist import cells
from mnemonist.cells import Cell
from mnemonist.engine import Program, program_of, unroll
from mnemonist.engine.native import library
from mnemonist.engine.native.operators import code_of
from mnemonist.engine.program_cell import ProgramCell
from mnemonist.errors import ConfigError, DataError, ShapeError
from mnemonist.nn import Recurrent

pytestmark = pytest.mark.skipif(not library.available(), reason="the engine is not built here")


class Mixed(Cell):
    """A user's cell, with an extra input, an option and two states."""

    states = ("h", "c")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.forget, self.write = self.gates("forget", "write")
        self.rate = 0.5

    @property
    def extra_sizes(self) -> dict[str, int]:
        return {"dt": 1}

    def step(self, x: Tensor, h: Tensor, c: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        c = torch.exp(-dt) * torch.sigmoid(self.forget(x, h)) * c + self.rate * self.write(x, h)
        return torch.tanh(c), c


class Rolling(Cell):
    """Mixes positions of a row: no program."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        (self.hidden,) = self.gates("hidden")

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.hidden(x, torch.cumsum(h, -1)))


class Graphs:
    """A backend that keeps what Dynamo wrote down, and runs it through AOTAutograd."""

    def __init__(self) -> None:
        torch._dynamo.reset()
        self.operators: list[list[str]] = []

    def __call__(self, graph, inputs):
        nodes = graph.graph.nodes
        self.operators.append([str(n.target) for n in nodes if n.op == "call_function"])
        return aot_eager(graph, inputs)

    def compiled(self, function, **options):
        return torch.compile(function, backend=self, fullgraph=True, **options)


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def same_gradients(mine, theirs, inputs) -> None:
    """The results agree, and so do the gradients of a function of them."""
    torch.testing.assert_close(mine, theirs)
    losses = (sum((1 + k) * r.square().sum() for k, r in enumerate(s)) for s in (mine, theirs))
    found, expected = (torch.autograd.grad(loss, inputs) for loss in losses)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", ["lstm", "lstm_peephole"])
@pytest.mark.parametrize("ragged", [False, True])
def test_a_sequence_is_one_operator_and_gradients_agree(name, ragged):
    torch.manual_seed(0)
    cell, x = cells.get(name)(3, 5).double(), draw(4, 2, 3).requires_grad_()
    lengths = torch.tensor([2, 4]) if ragged else None

    def model(x, executor="auto"):
        done = unroll(cell, x, lengths=lengths, executor=executor)
        return done.output.relu(), done.state["c"]

    graphs = Graphs()
    same_gradients(graphs.compiled(model)(x), model(x, "eager"), [x, *cell.parameters()])
    assert graphs.operators[0].count("mnemonist.run") == 1
    assert not any("tanh" in name for name in graphs.operators[0])


def test_resets_forced_states_extras_and_all_states():
    torch.manual_seed(0)
    cell, x = Mixed(3, 4).double(), draw(5, 2, 3).requires_grad_()
    options = {
        "state": {"h": draw(2, 4).requires_grad_()},
        "resets": torch.rand(5, 2) < 0.4,
        "extras": {"dt": torch.rand(1, 2, 1, dtype=torch.float64).requires_grad_()},
        "forced": {"h": draw(5, 2, 4).requires_grad_()},
        "forced_mask": torch.rand(5, 2) < 0.5,
        "all_states": True,
    }

    def model(executor="auto"):
        done = unroll(cell, x, executor=executor, **options)
        return done.output, done.states["c"], done.state["h"]

    graphs = Graphs()
    given = [x, options["state"]["h"], options["extras"]["dt"], options["forced"]["h"]]
    same_gradients(graphs.compiled(model)(), model("eager"), [*given, *cell.parameters()])
    assert graphs.operators[0].count("mnemonist.run") == 1


def test_one_graph_for_any_number_of_steps_and_rows():
    torch.manual_seed(0)
    model = Recurrent("gru_reset_before", 3, 4, bidirectional=True).double()
    graphs = Graphs()
    compiled = graphs.compiled(model)
    for steps, rows in ((4, 2), (7, 3), (9, 5), (2, 4)):
        x = draw(steps, rows, 3)
        torch._dynamo.maybe_mark_dynamic(x, 0)
        torch._dynamo.maybe_mark_dynamic(x, 1)
        torch.testing.assert_close(compiled(x), model(x))
    assert len(graphs.operators) == 1


def test_an_optimiser_changes_weights_between_calls():
    torch.manual_seed(0)
    model = Recurrent("lstm_peephole", 3, 4).double()
    twin = Recurrent("lstm_peephole", 3, 4, executor="eager").double()
    twin.load_state_dict(model.state_dict())
    compiled, x = Graphs().compiled(model), draw(4, 2, 3)
    for run, module in ((compiled, model), (twin, twin)):
        optimiser = torch.optim.Adam(module.parameters(), 0.1)
        for _ in range(3):
            optimiser.zero_grad()
            run(x)[0].square().sum().backward()
            optimiser.step()
    torch.testing.assert_close(compiled(x), twin(x))


def test_an_option_that_changes_makes_a_new_graph():
    torch.manual_seed(0)
    cell, x = Mixed(3, 4).double(), draw(4, 2, 3)
    extras = {"dt": torch.zeros(1, 2, 1, dtype=torch.float64)}
    graphs = Graphs()
    compiled = graphs.compiled(lambda x: unroll(cell, x, extras=extras).output)
    for rate in (0.5, -1.5, 0.5):
        cell.rate = rate
        expected = unroll(cell, x, extras=extras, executor="eager").output
        torch.testing.assert_close(compiled(x), expected)
    cell.eval()
    torch.testing.assert_close(compiled(x), unroll(cell, x, extras=extras).output)


def test_models_of_one_kind_share_a_graph():
    torch.manual_seed(0)
    graphs, x = Graphs(), draw(3, 2, 3)
    for _ in range(10):
        model = Recurrent("mgu", 3, 4).double()
        torch.testing.assert_close(graphs.compiled(model)(x), model(x))
    assert len(graphs.operators) <= 2


class Optional(Cell):
    """A cell whose equations hang on what it was made with, in every way that Python knows."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        activation=torch.tanh,
        bias: bool = True,
        further: bool = False,
        scales: tuple[float, ...] = (),
        tied: bool = False,
        rate: float = 1.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        (self.hidden,) = self.gates("hidden", bias=bias)
        self.further = nn.Linear(hidden_size, hidden_size) if further else None
        self.before = nn.Parameter(torch.randn(hidden_size))
        self.behind = self.before if tied else nn.Parameter(torch.randn(hidden_size))
        self.activation, self.scales, self._rate = activation, [*scales], rate

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        total = self.hidden(x, h) * self.before * self._rate
        if self.further is not None:
            total = total + self.further(h)
        for scale in self.scales:
            total = total * scale
        return self.activation(total) * self.behind


OPTIONS = {
    "a function": [{"activation": torch.relu}, {"activation": torch.nn.functional.elu}],
    "a parameter": [{"bias": False}],
    "a submodule": [{"further": True}],
    "a list": [{"scales": (2.0,)}, {"scales": (2.0, 3.0)}],
    "a private attribute": [{"rate": 0.5}],
}


def check_in_one_function(made: list[Cell]) -> None:
    """One compiled function of a cell gives what each of them gives."""
    graphs, x = Graphs(), draw(4, 2, 3)
    compiled = graphs.compiled(lambda cell, x: unroll(cell, x).output)
    for cell in made:
        torch.testing.assert_close(compiled(cell, x), unroll(cell, x, executor="eager").output)
    assert all("mnemonist.run" in operators for operators in graphs.operators)


@pytest.mark.parametrize("kind", OPTIONS)
def test_cells_that_differ_do_not_share_a_graph(kind):
    torch.manual_seed(0)
    options = [{}, *OPTIONS[kind], {}]
    check_in_one_function([Optional(3, 4, **o).double() for o in options])


@pytest.mark.parametrize("first", [True, False])
def test_cells_with_tied_weights_do_not_share_a_graph_with_others(first):
    torch.manual_seed(0)
    check_in_one_function([Optional(3, 4, tied=t).double() for t in (first, not first, first)])


@pytest.mark.parametrize("loaded", [False, True])
def test_models_with_other_activations_do_not_share_a_graph(loaded):
    torch.manual_seed(0)
    names = ("tanh", "relu", "hard_tanh", "tanh")
    made = [cells.get("elman")(3, 4, activation=name).double() for name in names]
    check_in_one_function([read_again(cell) for cell in made] if loaded else made)


def read_again(cell: Cell) -> ProgramCell:
    """The cell as it comes back from a file: its program and its weights."""
    read = ProgramCell(Program.from_json(program_of(cell).to_json()))
    read.load_state_dict(cell.state_dict())
    return read.double()


@pytest.mark.parametrize("name", ["lstm_peephole", "slstm"])
def test_a_cell_read_from_json_compiles_and_exports_as_its_class_does(name):
    torch.manual_seed(0)
    graphs, x = Graphs(), draw(4, 2, 3)
    model = Recurrent(cells.get(name), 3, 4, num_layers=2).double()
    for _ in range(9):  # more than Dynamo makes graphs of one function
        loaded = Recurrent(
            lambda i, h: read_again(cells.get(name)(i, h).double()), 3, 4, num_layers=2
        )
        loaded.load_state_dict(model.state_dict())
        result = graphs.compiled(loaded)(x)
    assert len(graphs.operators) <= 2
    assert graphs.operators[0].count("mnemonist.run") == 2
    torch.testing.assert_close(result, model(x))
    losses = [output.square().sum() for output, _ in (result, model(x))]
    weights = [[*loaded.parameters()], [*model.parameters()]]
    torch.testing.assert_close(*map(torch.autograd.grad, losses, weights))
    sizes = {0: torch.export.Dim("steps"), 1: torch.export.Dim("rows")}
    exported = torch.export.export(loaded, (x,), dynamic_shapes={"x": sizes})
    assert sum("mnemonist.run" in str(n.target) for n in exported.graph.nodes) == 2
    longer = draw(7, 3, 3)
    torch.testing.assert_close(exported.module()(longer), model(longer))


def test_a_cell_without_a_program_is_read_step_by_step():
    torch.manual_seed(0)
    cell, x = Rolling(3, 4).double(), draw(3, 2, 3)
    graphs = Graphs()
    compiled = graphs.compiled(lambda x: unroll(cell, x).output)
    torch.testing.assert_close(compiled(x), unroll(cell, x).output)
    assert "mnemonist.run" not in graphs.operators[0]


@pytest.mark.parametrize("kind", ["autocast", "bfloat16", "switched off"])
def test_what_the_engine_cannot_run_is_read_step_by_step(kind, monkeypatch):
    torch.manual_seed(0)
    cell, x = cells.get("elman")(3, 4), torch.randn(3, 2, 3)
    if kind == "bfloat16":
        cell, x = cell.bfloat16(), x.bfloat16()
    if kind == "switched off":
        monkeypatch.setenv("MNEMONIST_NATIVE", "0")

    def model(x, executor="auto"):
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == "autocast"):
            return unroll(cell, x, executor=executor).output

    graphs = Graphs()
    torch.testing.assert_close(graphs.compiled(model)(x), model(x, "eager"), rtol=0.02, atol=0.02)
    assert "mnemonist.run" not in graphs.operators[0]
    with pytest.raises(Exception, match="executor 'native' cannot run this"):
        Graphs().compiled(lambda x: model(x, "native"))(x)


def test_weights_under_a_parametrisation():
    torch.manual_seed(0)
    cell, x = cells.get("elman")(3, 4).double(), draw(3, 2, 3)
    torch.nn.utils.parametrizations.weight_norm(cell.hidden, "U")
    graphs = Graphs()
    model = lambda x, executor="auto": (unroll(cell, x, executor=executor).output,)  # noqa: E731
    same_gradients(graphs.compiled(model)(x), model(x, "eager"), [*cell.parameters()])
    assert graphs.operators[0].count("mnemonist.run") == 1


def test_inductor_runs_the_operator():
    torch.manual_seed(0)
    model, x = Recurrent("gru_reset_before", 3, 4), torch.randn(4, 2, 3)
    torch._dynamo.reset()
    with torch.no_grad():
        compiled = torch.compile(model, fullgraph=True, options={"fx_graph_cache": False})
        torch.testing.assert_close(compiled(x), model(x))


@pytest.mark.parametrize("strict", [False, True])
def test_export_with_any_number_of_steps_and_rows(strict):
    torch.manual_seed(0)
    model = Recurrent("lstm_peephole", 3, 4).double()
    sizes = {0: torch.export.Dim("steps"), 1: torch.export.Dim("rows")}
    exported = torch.export.export(
        model, (draw(4, 2, 3),), dynamic_shapes={"x": sizes}, strict=strict
    )
    assert exported.state_dict.keys() == model.state_dict().keys()
    called = [str(n.target) for n in exported.graph.nodes if n.op == "call_function"]
    assert called.count("mnemonist.run.default") == 1
    assert not any("autocast" in name for name in called)
    x = draw(6, 3, 3).requires_grad_()
    for program in (exported, exported.run_decompositions()):
        torch.testing.assert_close(program.module()(x), model(x))
    loss = exported.module()(x)[0].square().sum()
    expected = torch.autograd.grad(model(x)[0].square().sum(), x)
    torch.testing.assert_close(torch.autograd.grad(loss, x), expected)


def test_an_exported_program_of_a_users_cell_runs_without_the_class(tmp_path):
    torch.manual_seed(0)
    cell, x = Mixed(3, 4), torch.randn(4, 2, 3)

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = cell

        def forward(self, x):
            return unroll(self.cell, x, extras={"dt": x[..., :1].exp()}).output

    torch.export.save(torch.export.export(Model(), (x,)), tmp_path / "model.pt2")
    torch.save((x, Model()(x).detach()), tmp_path / "expected.pt")
    code = """if True:
        import sys, torch, mnemonist.engine
        x, expected = torch.load(sys.argv[1] + "/expected.pt")
        found = torch.export.load(sys.argv[1] + "/model.pt2").module()(x)
        torch.testing.assert_close(found, expected)
    """
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(tmp_path)], check=True)


def arguments(lengths=None, dtype=torch.float64):
    """What ``mnemonist::run`` takes, of a small LSTM."""
    torch.manual_seed(0)
    cell = cells.get("lstm")(3, 5).to(dtype)
    program = program_of(cell)
    inputs = [torch.randn(4, 2, 3), torch.randn(2, 5), torch.randn(2, 5)]
    inputs = [value.to(dtype).requires_grad_() for value in inputs]
    return inputs, [*program.leaves_of(cell).values()], lengths, code_of(program, ("h", "c"))


@pytest.mark.parametrize("lengths", [None, [2, 4], [4, 4], [0, 3]])
def test_operators_keep_the_rules_of_operators(lengths):
    given = None if lengths is None else torch.tensor(lengths)
    inputs, leaves, given, code = arguments(given)
    torch.library.opcheck(torch.ops.mnemonist.run.default, (inputs, leaves, given, code))
    tensors = [value.detach() for value in inputs] + constants_like(leaves)
    forward = torch.ops.mnemonist.forward
    rules = ("test_schema", "test_faketensor")
    for wanted in ([], [0, 3], [*range(len(tensors))]):
        torch.library.opcheck(forward.default, (tensors, given, code, wanted), test_utils=rules)


@pytest.mark.parametrize("lengths", [None, [3, 1]])
def test_second_derivatives_of_the_operator(lengths):
    given = None if lengths is None else torch.tensor(lengths)
    inputs, leaves, given, code = arguments(given)
    run = torch.ops.mnemonist.run
    assert torch.autograd.gradgradcheck(lambda *values: run(values, leaves, given, code)[0], inputs)


def test_operators_refuse_what_does_not_fit():
    inputs, leaves, _, code = arguments()
    run = torch.ops.mnemonist.run
    with pytest.raises(ShapeError, match=r"state\.h must be"):
        run([inputs[0], inputs[1][:1], inputs[2]], leaves, None, code)
    with pytest.raises(ShapeError, match="takes 6 tensors; got 5"):
        run(inputs[:2], leaves, None, code)
    with pytest.raises(ShapeError, match="parameters and buffers; got"):
        run(inputs, leaves[1:], None, code)
    with pytest.raises(ShapeError, match="between 0 and T = 4"):
        run(inputs, leaves, torch.tensor([2, 9]), code)
    with pytest.raises(ShapeError, match=r"float32.*as x is"):
        run([inputs[0].float(), *inputs[1:]], leaves, None, code)
    with pytest.raises(ShapeError, match="what mnemonist::forward stored"):
        torch.ops.mnemonist.backward(
            [*inputs, *constants_like(leaves)], [], [None], None, code, [0]
        )
    for text in ("", "{}", code.replace("mnemonist.run/1", "mnemonist.run/9")):
        with pytest.raises(DataError):
            run(inputs, leaves, None, text)


def constants_like(leaves):
    """Tensors of the shapes of the values of an LSTM's prologue."""
    return [draw(20, 3), draw(20, 5), draw(20)]


def test_a_name_that_is_no_executor_is_an_error_in_a_graph_too():
    cell, x = cells.get("elman")(3, 4), torch.randn(3, 2, 3)
    with pytest.raises(ConfigError, match="no executor 'warp'"):
        unroll(cell, x, executor="warp")
