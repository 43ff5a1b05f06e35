"""Words as vectors of their characters."""

from __future__ import annotations

import torch

from mnemonist.nn.spelling import Spelling


def test_a_word_has_one_vector_wherever_it_stands_and_padding_is_not_read() -> None:
    spelling = Spelling(9, 3, 4)
    words = torch.tensor([[[5, 6, 0, 0], [7, 0, 0, 0]], [[1, 2, 3, 4], [5, 6, 0, 0]]])
    found = spelling(words)
    assert found.shape == (2, 2, 8)
    assert found[0, 0].equal(found[1, 1])
    alone = spelling(torch.tensor([[[5, 6]]]))
    torch.testing.assert_close(alone[0, 0], found[0, 0])


def test_gradients_reach_the_characters_that_were_read_and_no_others() -> None:
    spelling = Spelling(9, 3, 4)
    spelling(torch.tensor([[[5, 6, 0]]])).sum().backward()
    gradient = spelling.read.weight.grad
    assert gradient is not None
    assert gradient.abs().sum(1).nonzero().flatten().tolist() == [5, 6]
