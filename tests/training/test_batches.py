"""Which rows make which batch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.errors import ConfigError, ShapeError
from mnemonist.training import Batches, BucketBatches, ShuffledBatches, StreamBatches


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 40), size=st.integers(1, 12), seed=st.integers(0, 99))
def test_every_epoch_hands_out_every_row_once(rows, size, seed):
    batches = ShuffledBatches({"x": torch.arange(rows)}, size, seed=seed)
    for epoch in range(2):
        seen = torch.cat([batches.batch(epoch, i)["x"] for i in range(len(batches))])
        assert seen.sort().values.equal(torch.arange(rows))


def test_order_follows_from_seed_and_epoch_alone():
    first = ShuffledBatches({"x": torch.arange(30)}, 7, seed=4)
    again = ShuffledBatches({"x": torch.arange(30)}, 7, seed=4)
    first.batch(0, 0)
    assert first.batch(3, 2)["x"].equal(again.batch(3, 2)["x"])
    assert not first.batch(3, 2)["x"].equal(first.batch(4, 2)["x"])
    other = ShuffledBatches({"x": torch.arange(30)}, 7, seed=5)
    assert not first.batch(3, 2)["x"].equal(other.batch(3, 2)["x"])


def test_accumulated_batches_are_the_rows_of_the_larger_batch():
    data = {"x": torch.arange(30)}
    small, large = ShuffledBatches(data, 5, seed=1), ShuffledBatches(data, 15, seed=1)
    three = torch.cat([small.batch(2, i)["x"] for i in (3, 4, 5)])
    assert three.equal(large.batch(2, 1)["x"])


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 20), world=st.integers(1, 6))
def test_shares_are_a_partition_of_the_rows(rows, world):
    batches = ShuffledBatches({"x": torch.arange(rows)}, rows)
    batch = batches.batch(0, 0)
    shares = [batches.share(batch, rank, world) for rank in range(world)]
    assert torch.cat([s["x"] for s in shares if s is not None]).equal(batch["x"])
    sizes = [0 if s is None else len(s["x"]) for s in shares]
    assert max(sizes) - min(sizes) <= 1


def test_streams_continue_and_carry_every_step():
    batches = StreamBatches({"x": torch.arange(103), "y": torch.arange(103) + 1}, 4, 10)
    rows = torch.cat([batches.batch(0, i)["x"] for i in range(len(batches))])
    assert rows.shape == (25, 4)
    assert rows.T.reshape(-1).equal(torch.arange(100))
    assert [batches.continues(0, i) for i in range(3)] == [False, True, True]
    assert batches.batch(0, 2)["y"].equal(batches.batch(0, 2)["x"] + 1)
    assert batches.share(batches.batch(0, 0), 1, 2)["x"].equal(batches.batch(0, 0)["x"][:, 2:])


def test_joined_streams_say_where_each_begins():
    batches = StreamBatches({"x": [torch.arange(3), torch.arange(5), torch.arange(4)]}, 2, 6)
    batch = batches.batch(0, 0)
    assert batch["x"].T.tolist() == [[0, 1, 2, 0, 1, 2], [3, 4, 0, 1, 2, 3]]
    assert batch["resets"].T.int().tolist() == [[1, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0]]


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=60),
    size=st.integers(1, 7),
    buckets=st.integers(1, 4),
)
def test_buckets_hand_out_every_sequence_once_and_pad_little(lengths, size, buckets):
    words = [torch.full((n,), i + 1) for i, n in enumerate(lengths)]
    batches = BucketBatches(
        {"word": words}, size, labels={"id": torch.arange(len(words))}, bucket_batches=buckets
    )
    seen = []
    for index in range(len(batches)):
        batch = batches.batch(1, index)
        assert batch["word"].shape == (int(batch["lengths"].max()), len(batch["id"]))
        for column, row in enumerate(batch["id"].tolist()):
            length = int(batch["lengths"][column])
            assert batch["word"][:length, column].equal(words[row])
            assert not batch["word"][length:, column].any()
            seen.append(row)
    assert sorted(seen) == list(range(len(words)))


def test_buckets_pad_less_than_chance():
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 100, (400,), generator=generator).tolist()
    words = [torch.ones(n) for n in lengths]

    def padded(bucket_batches: int) -> int:
        batches = BucketBatches({"w": words}, 8, bucket_batches=bucket_batches)
        return sum(batches.batch(0, i)["w"].numel() for i in range(len(batches)))

    assert padded(4) < 1.2 * sum(lengths)
    assert padded(50) > 1.5 * sum(lengths)


def test_bucketed_sequences_of_two_lengths_have_two_length_vectors():
    batches = BucketBatches(
        {"source": [torch.ones(3), torch.ones(5)], "target": [torch.ones(4), torch.ones(1)]}, 2
    )
    batch = batches.batch(0, 0)
    assert batch.keys() == {"source", "target", "source_lengths", "target_lengths"}
    assert sorted(zip(batch["source_lengths"].tolist(), batch["target_lengths"].tolist())) == [
        (3, 4),
        (5, 1),
    ]


def test_cutting_for_truncated_bptt_keeps_every_step_and_the_lengths():
    batches = BucketBatches({"x": [torch.arange(7), torch.arange(3)]}, 2, shuffle=False)
    batch = batches.batch(0, 0)
    pieces = batches.cut(batch, 3)
    assert torch.cat([piece["x"] for piece in pieces]).equal(batch["x"])
    assert [piece["lengths"].tolist() for piece in pieces] == [[3, 3], [0, 3], [0, 1]]


def test_arrays_of_different_length_are_refused():
    with pytest.raises(ShapeError, match=r"\{'x': 3, 'y': 4\}"):
        ShuffledBatches({"x": torch.zeros(3), "y": torch.zeros(4)}, 2)
    with pytest.raises(ShapeError, match="at least batch_size = 5"):
        StreamBatches({"x": torch.zeros(4)}, 5, 2)
    with pytest.raises(ConfigError, match="batch_size"):
        ShuffledBatches({"x": torch.zeros(3)}, 0)


def test_a_batch_of_another_type_needs_its_own_rules():
    class Pairs(Batches):
        def __len__(self):
            return 1

        def batch(self, epoch, index):
            return torch.zeros(2), torch.zeros(2)

    with pytest.raises(ConfigError, match=r"Pairs\.batch returned a tuple"):
        Pairs().share(Pairs().batch(0, 0), 0, 2)
