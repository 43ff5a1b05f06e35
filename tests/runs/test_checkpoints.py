"""The newest intact checkpoint wins, and the metrics are those that it knows."""

from __future__ import annotations

import pytest
import torch

from mnemonist.errors import RunFolderError
from mnemonist.runs import CheckpointFolder


@pytest.fixture
def store(tmp_path):
    """Three saved, numbered 1 to 3, with as many records; two are kept."""
    store = CheckpointFolder(tmp_path / "checkpoints", tmp_path / "metrics.jsonl")
    for number in (1, 2, 3):
        store.record({"epoch": number})
        store.save(tensors(number), {"number": number})
    return store


def tensors(number: int) -> dict[str, torch.Tensor]:
    return {
        "x": torch.full((2, 3), float(number)),
        "scalar": torch.tensor(number),
        "empty": torch.zeros(0, 4),
        "half": torch.ones(3, dtype=torch.bfloat16),
    }


def newest(store):
    return sorted(store.folder.iterdir())[-1]


def test_the_last_two_are_kept_and_the_newest_is_loaded(store):
    assert len(list(store.folder.iterdir())) == 2
    loaded, meta = store.load()
    assert meta == {"number": 3}
    assert loaded.keys() == tensors(3).keys()
    assert all(tensor.equal(loaded[name]) for name, tensor in tensors(3).items())
    assert all(tensor.dtype == loaded[name].dtype for name, tensor in tensors(3).items())


def test_records_after_the_checkpoint_are_dropped(store):
    kept = store.metrics.read_text()
    store.record({"epoch": 4})
    with store.metrics.open("a") as file:
        file.write('{"epoch": 5, "cut o')
    store.load()
    assert store.metrics.read_text() == kept == '{"epoch": 1}\n{"epoch": 2}\n{"epoch": 3}\n'


def flip(data: bytes) -> bytes:
    """One bit of the last tensor."""
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    "damage",
    [
        flip,
        lambda d: d[:-5],
        lambda d: b"",
        lambda d: b"\0" * len(d),
        lambda d: d.replace(b"number", b"mumber"),
    ],
    ids=["flipped bit", "cut", "empty", "zeros", "meta"],
)
def test_a_damaged_newest_gives_way_to_the_one_before_aloud(store, damage):
    path = newest(store)
    path.write_bytes(damage(path.read_bytes()))
    _, meta = store.load()
    assert meta == {"number": 2}
    assert store.metrics.read_text() == '{"epoch": 1}\n{"epoch": 2}\n'
    assert "went back to checkpoint-00000002" in store.notes[0]
    assert path.name in store.notes[0]


def test_only_damaged_ones_are_an_error(store):
    for path in store.folder.iterdir():
        path.write_bytes(flip(path.read_bytes()))
    with pytest.raises(RunFolderError, match=r"no checkpoint in .* is intact"):
        store.load()


def test_metrics_that_lost_lines_do_not_pass(store):
    store.metrics.write_text("")
    with pytest.raises(RunFolderError, match=r"metrics\.jsonl has 0 bytes, and had 39"):
        store.load()


def test_a_write_that_a_kill_cut_off_is_ignored_and_cleared(store):
    partial = store.folder / "checkpoint-00000004.safetensors.partial"
    partial.write_bytes(b"half")
    assert store.load()[1] == {"number": 3}
    store.save(tensors(4), {"number": 4})
    assert not partial.exists()
    assert store.load()[1] == {"number": 4}


def test_before_the_first_checkpoint_training_starts_over(tmp_path):
    store = CheckpointFolder(tmp_path / "checkpoints", tmp_path / "metrics.jsonl")
    store.record({"epoch": 1})
    assert store.load() is None
    assert store.metrics.read_text() == ""


def test_a_number_that_json_lacks_is_refused_before_anything_is_written(store):
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.save(tensors(4), {"loss": float("nan")})
    assert store.load()[1] == {"number": 3}
