"""Programs as JSON: what is written is read back, and what is read is checked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from program_agreement import assert_agrees, job_for
from program_zoo import GOOD, LSTM, BlockLSTM, Cell, Leaky, Masked, WeightNorm

from mnemonist.engine.program import Program
from mnemonist.engine.program_cell import ProgramCell
from mnemonist.engine.trace import program_of
from mnemonist.errors import CellError, DataError, MnemonistError

ZOO = Path(__file__).parent


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
def test_round_trip(kind: type[Cell]) -> None:
    torch.manual_seed(0)
    cell = kind(3, 5).double()
    program = program_of(cell)
    again = Program.from_json(program.to_json())
    assert again.to_json() == program.to_json()
    assert again.hash() == program.hash()
    assert again.describe() == program.describe()
    gradient = 1e-6 if kind.__name__ == "Activations" else 1e-10
    assert_agrees(job_for(cell, 2, 2), again, gradient=gradient)


def test_hash_and_text_are_the_same_in_another_process() -> None:
    code = (
        f"import sys; sys.path.append({str(ZOO)!r})\n"
        "from program_zoo import LSTM, BlockLSTM, WeightNorm\n"
        "from mnemonist.engine.trace import program_of\n"
        "for kind in (LSTM, BlockLSTM, WeightNorm):\n"
        "    program = program_of(kind(3, 6))\n"
        "    print(program.hash(), program.fingerprint().digest)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    programs = [program_of(kind(3, 6)) for kind in (LSTM, BlockLSTM, WeightNorm)]
    expected = [f"{p.hash()} {p.fingerprint().digest}" for p in programs]
    assert done.stdout.split("\n")[:3] == expected


def test_the_hash_tells_programs_apart() -> None:
    hashes = {program_of(kind(3, 6)).hash() for kind in GOOD}
    assert len(hashes) == len(GOOD)
    assert program_of(LSTM(3, 6)).hash() != program_of(LSTM(3, 5)).hash()


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
def test_a_cell_from_its_program(kind: type[Cell]) -> None:
    """Without the class: the same step, the state_dict in both directions."""
    torch.manual_seed(0)
    cell = kind(3, 6).double()
    twin = ProgramCell(Program.from_json(program_of(cell).to_json())).double()
    twin.load_state_dict(cell.state_dict(), strict=kind.__name__ != "NoX")
    cell.load_state_dict(twin.state_dict())
    assert dict(twin.state_sizes) == dict(cell.state_sizes)
    assert twin.emits == cell.emits
    job = job_for(cell, 1, 2)
    arguments = [job.x[0], *job.state.values()]
    extras = {name: value[0] for name, value in job.extras.items()}
    expected, given_ = cell.step(*arguments, **extras), twin.step(*arguments, **extras)
    torch.testing.assert_close(given_, expected, rtol=1e-12, atol=1e-12)
    start = cell.initial_state(2)
    for name, value in twin.initial_state(2).items():
        torch.testing.assert_close(value, start[name])
    assert program_of(twin).hash() == program_of(cell).hash()


def test_a_state_that_starts_elsewhere() -> None:
    class Late(Leaky):
        def initial_state(self, batch_size: int, **options: object) -> dict[str, torch.Tensor]:
            return {"h": torch.full((batch_size, self.hidden_size), -2.5)}

    class Ramp(Leaky):
        def initial_state(self, batch_size: int, **options: object) -> dict[str, torch.Tensor]:
            return {"h": torch.arange(5.0).expand(batch_size, 5)}

    late = ProgramCell(Program.from_json(program_of(Late(3, 5)).to_json()))
    assert (late.initial_state(2)["h"] == -2.5).all()
    with pytest.raises(CellError, match="Ramp computes its initial state h"):
        ProgramCell(program_of(Ramp(3, 5))).initial_state(2)


def changed(**fields: object) -> str:
    return json.dumps({**json.loads(program_of(LSTM(3, 5)).to_json()), **fields})


def with_node(index: int, node: list) -> str:
    content = json.loads(program_of(LSTM(3, 5)).to_json())
    content["nodes"][index] = node
    return json.dumps(content)


def with_call(function: str, args: list, shape: list[int]) -> str:
    content = json.loads(program_of(Leaky(3, 5)).to_json())
    index = next(i for i, n in enumerate(content["nodes"]) if n[0] == "call")
    template = json.dumps({"args": args, "kwargs": {}}, separators=(",", ":"))
    content["nodes"][index] = ["call", content["nodes"][index][1], [function, template], shape]
    return json.dumps(content)


HOSTILE = {
    "empty": "",
    "not JSON": "{",
    "not an object": "[1, 2]",
    "NaN": '{"schema": NaN}',
    "deep": "[" * 100_000,
    "another version": changed(schema="mnemonist.program/2"),
    "a field too many": changed(extra=1),
    "negative size": changed(input_size=-1),
    "boolean size": changed(hidden_size=True),
    "no nodes": changed(nodes=[]),
    "an unknown value": changed(values={"h": 1, "q": 2}),
    "a value out of range": changed(values={"h": 10_000, "c": 2}),
    "emits nothing": changed(emits=[]),
    "emits the unknown": changed(emits=["q"]),
    "a forward reference": with_node(0, ["tanh", [3], [], [5]]),
    "itself": with_node(0, ["tanh", [0], [], [5]]),
    "an unknown operation": with_node(0, ["system", [], ["ls"], []]),
    "a wrong arity": with_node(0, ["add", [], [], []]),
    "a huge shape": with_node(0, ["leaf", [], ["input.W", "parameter"], [1 << 30, 1 << 30]]),
    "a dunder name": with_node(0, ["leaf", [], ["__class__.W", "parameter"], [5, 3]]),
    "a function of another module": with_call("os.system", ["ls"], [5]),
    "an attribute of torch": with_call("torch.load", ["/etc/passwd"], [5]),
    "an in-place function": with_call("torch.Tensor.zero_", [{"node": 0}], [5]),
    "an operator with effects": with_call("torch.ops.aten.from_file.default", ["x"], [5]),
    "a wrong result shape": with_call("torch.sigmoid", [{"node": 0}], [6]),
    "a missing operand": with_call("torch.sigmoid", [{"node": 3}], [5]),
    "code as an argument": with_call("torch.sigmoid", [{"dtype": "float32; import os"}], [5]),
    "more memory than there is": with_call("torch.zeros", [[1 << 50]], [5]),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_an_error(text: str) -> None:
    with pytest.raises(DataError):
        Program.from_json(text)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_damage_is_an_error_or_another_whole_program(data: st.DataObject) -> None:
    """Whatever single value is replaced, reading ends in a program that holds or in our error."""
    content = json.loads(program_of(Masked(2, 3)).to_json())
    places: list[tuple[object, object]] = []

    def collect(value: object) -> None:
        items = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]
        for key, inner in list(items):
            places.append((value, key))
            if isinstance(inner, (dict, list)):
                collect(inner)

    collect(content)
    holder, key = data.draw(st.sampled_from(places))
    values = [None, -1, 0, 1, 7, 10**30, 0.5, "", "x", "__init__", [], {}, True]
    holder[key] = data.draw(st.sampled_from(values))  # type: ignore[index]
    try:
        program = Program.from_json(json.dumps(content))
    except MnemonistError:
        return
    assert Program.from_json(program.to_json()).hash() == program.hash()


def test_the_same_text_is_the_same_program_as_long_as_it_lives():
    text = program_of(Leaky(3, 4)).to_json()
    first, second = Program.from_json(text), Program.from_json(text)
    assert first is second
    assert Program.from_json(first.to_json()) is first
