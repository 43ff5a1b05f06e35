"""The laws of time, for every cell and every executor."""

from __future__ import annotations

import pytest
import torch

from mnemonist.engine import unroll

CLOSE = {"rtol": 1e-9, "atol": 1e-10}


def random_state(cell, rows: int) -> dict[str, torch.Tensor]:
    state = cell.initial_state(rows, device=None, dtype=torch.float64)
    return {name: value + 0.1 * torch.rand_like(value) for name, value in state.items()}


def learned(cell) -> list[torch.Tensor]:
    """The parameters that training would change; a reservoir's recurrent weights are not."""
    return [p for p in cell.parameters() if p.requires_grad]


def assert_same(left, right, rows=slice(None)) -> None:
    for name in left:
        torch.testing.assert_close(left[name], right[name][rows], **CLOSE)


def test_step_by_step_is_the_whole_sequence(cell, run, sequence):
    x = sequence(7, 3)
    state = start = random_state(cell, 3)
    outputs = []
    for t in range(7):
        output, state = cell(x[t], state)
        outputs.append(output)
    whole = run(x, start)
    torch.testing.assert_close(whole.output, torch.stack(outputs), **CLOSE)
    assert_same(whole.state, state)


@pytest.mark.parametrize("cuts", [(1,), (4,), (2, 5), (0, 7)])
def test_chunks_that_carry_the_state_are_the_whole_sequence(cell, run, sequence, cuts):
    x, start = sequence(7, 2), random_state(cell, 2)
    whole, state, pieces = run(x, start), start, []
    for begin, end in zip((0, *cuts), (*cuts, 7)):
        piece = run(x[begin:end], state)
        pieces.append(piece.output)
        state = piece.state
    torch.testing.assert_close(torch.cat(pieces), whole.output, **CLOSE)
    assert_same(state, whole.state)


@pytest.mark.parametrize("reverse", [False, True])
def test_padded_rows_are_ragged_rows_one_by_one(cell, run, sequence, reverse):
    x, lengths, start = sequence(6, 4), [3, 6, 0, 1], random_state(cell, 4)
    poisoned = x.clone()
    for row, length in enumerate(lengths):
        poisoned[length:, row] = float("nan")
    padded = run(poisoned, start, lengths=lengths, reverse=reverse, all_states=True)
    for row, length in enumerate(lengths):
        own = {name: value[row : row + 1] for name, value in start.items()}
        alone = run(x[:length, row : row + 1], own, reverse=reverse)
        torch.testing.assert_close(padded.output[:length, row : row + 1], alone.output, **CLOSE)
        assert_same(alone.state, padded.state, slice(row, row + 1))
        assert not padded.output[length:, row].any()


def test_padding_gets_no_gradient_and_poisons_none(cell, run, sequence):
    x = sequence(5, 3)
    x[2:, 0] = float("nan")
    x.requires_grad_()
    result = run(x, lengths=[2, 5, 4])
    loss = result.output.square().sum() + sum(v.sum() for v in result.state.values())
    gradients = torch.autograd.grad(loss, [x, *learned(cell)], allow_unused=True)
    assert all(g is None or g.isfinite().all() for g in gradients)
    assert not gradients[0][2:, 0].any()
    assert not gradients[0][4:, 2].any()


@pytest.mark.parametrize("reverse", [False, True])
def test_a_reset_splits_the_sequence(cell, run, sequence, reverse):
    x, start = sequence(7, 2), random_state(cell, 2)
    resets = torch.zeros(7, 2, dtype=torch.bool)
    resets[3, 0] = resets[5, 1] = True
    both = run(x, start, resets=resets, reverse=reverse)
    for row, cut in ((0, 3), (1, 5)):
        own = {name: value[row : row + 1] for name, value in start.items()}
        column = x[:, row : row + 1]
        parts = [column[:cut], column[cut:]]
        states = [None, own] if reverse else [own, None]
        pieces = [run(p, s, reverse=reverse) for p, s in zip(parts, states)]
        torch.testing.assert_close(
            both.output[:, row : row + 1], torch.cat([p.output for p in pieces]), **CLOSE
        )
        assert_same(pieces[0 if reverse else 1].state, both.state, slice(row, row + 1))


def test_reverse_is_reversed_input_and_output(cell, run, sequence):
    x, start = sequence(6, 3), random_state(cell, 3)
    backward, forward = run(x, start, reverse=True), run(x.flip(0), start)
    torch.testing.assert_close(backward.output, forward.output.flip(0), **CLOSE)
    assert_same(backward.state, forward.state)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_an_empty_sequence_leaves_the_state_alone(cell, run, sequence, rows):
    start = random_state(cell, rows)
    result = run(sequence(0, rows), start, all_states=True)
    assert result.output.shape[:2] == (0, rows)
    assert_same(result.state, start)
    assert all(v.shape == (0, *start[n].shape) for n, v in result.states.items())


def test_all_states_end_in_the_final_state(cell, run, sequence):
    result = run(sequence(5, 2), all_states=True)
    assert_same(result.state, {n: v[-1] for n, v in result.states.items()})


@pytest.mark.parametrize("segment", [0, 1, 3, 100])
def test_recomputing_segments_changes_no_value_and_no_gradient(cell, run, sequence, segment):
    x = sequence(7, 2).requires_grad_()
    leaves = [x, *learned(cell)]
    results = []
    for checkpoint in (None, segment):
        result = run(x, checkpoint=checkpoint)
        loss = result.output.square().sum() + sum(v.sum() for v in result.state.values())
        results.append((result.output, torch.autograd.grad(loss, leaves, allow_unused=True)))
    (plain, expected), (recomputed, gradients) = results
    torch.testing.assert_close(recomputed, plain, **CLOSE)
    for gradient, wanted in zip(gradients, expected):
        assert (gradient is None) == (wanted is None)
        if wanted is not None:
            torch.testing.assert_close(gradient, wanted, **CLOSE)


def test_a_state_can_be_emitted_alone_or_with_others(cell, run, sequence):
    x = sequence(4, 2)
    full = run(x, all_states=True)
    names = tuple(cell.state_sizes)
    torch.testing.assert_close(run(x, emit=names[-1]).output, full.states[names[-1]], **CLOSE)
    together = torch.cat([full.states[n] for n in names], -1)
    torch.testing.assert_close(run(x, emit=names).output, together, **CLOSE)


def test_a_forced_state_is_what_the_step_sees(cell, run, sequence):
    x, start = sequence(5, 2), random_state(cell, 2)
    name = next(iter(cell.state_sizes))
    forced = torch.rand(5, 2, cell.state_sizes[name], dtype=torch.float64)
    mask = torch.tensor([[0, 1], [1, 0], [1, 1], [0, 0], [0, 1]], dtype=torch.bool)
    for forced_mask in (None, mask):
        state, outputs = start, []
        for t in range(5):
            take = torch.ones(2, dtype=torch.bool) if forced_mask is None else mask[t]
            state = state | {name: torch.where(take[:, None], forced[t], state[name])}
            output, state = cell(x[t], state)
            outputs.append(output)
        result = run(x, start, forced={name: forced}, forced_mask=forced_mask)
        torch.testing.assert_close(result.output, torch.stack(outputs), **CLOSE)
        assert_same(result.state, state)


@pytest.mark.parametrize(("steps", "rows"), [(1, 1), (2, 3), (17, 5)])
def test_every_executor_agrees_with_the_eager_one(cell, executor, run, sequence, steps, rows):
    x, start = sequence(steps, rows).requires_grad_(), random_state(cell, rows)
    start = {n: v.requires_grad_() for n, v in start.items()}
    leaves = [x, *start.values(), *learned(cell)]
    results = []
    for how in ("eager", executor):
        result = unroll(cell, x, start, executor=how)
        weight = torch.linspace(-1, 1, result.output.numel(), dtype=x.dtype)
        loss = (result.output.flatten() * weight).sum()
        loss = loss + sum(v.square().sum() for v in result.state.values())
        results.append((result, torch.autograd.grad(loss, leaves, allow_unused=True)))
    (eager, expected), (other, gradients) = results
    torch.testing.assert_close(other.output, eager.output, **CLOSE)
    assert_same(other.state, eager.state)
    for gradient, wanted in zip(gradients, expected):
        zero = torch.zeros(())
        torch.testing.assert_close(
            zero if gradient is None else gradient,
            zero.expand(())
            if wanted is None and gradient is None
            else torch.zeros_like(gradient)
            if wanted is None
            else wanted,
            **CLOSE,
        )


def test_gradients_are_those_of_finite_differences(cell, executor, run, sequence):
    x = sequence(3, 2).requires_grad_()
    parameters = tuple(learned(cell))

    def output(x, *parameters):
        result = run(x)
        return (result.output, *result.state.values())

    # relu-like cells have kinks; the random point is away from them, and a law for all cells
    assert torch.autograd.gradcheck(output, (x, *parameters), eps=1e-6, atol=1e-5, rtol=1e-4)


def test_the_same_input_gives_the_same_bits(cell, run, sequence):
    x = sequence(9, 3)
    first, second = run(x), run(x)
    assert torch.equal(first.output, second.output)


def test_float32_agrees_with_float64(cell_name, executor, cell, sequence):
    x = sequence(12, 3)
    exact = unroll(cell, x, executor=executor).output
    single = unroll(cell.float(), x.float(), executor=executor).output
    torch.testing.assert_close(single.double(), exact, rtol=1e-3, atol=1e-4)
