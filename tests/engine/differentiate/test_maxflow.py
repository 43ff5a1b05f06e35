"""Minimum cuts against every cut there is."""

from __future__ import annotations

import random
from itertools import product

from mnemonist.engine.differentiate.maxflow import FlowGraph

PLACES = 6


def test_every_cut() -> None:
    for seed in range(60):
        draw = random.Random(seed)
        edges = {
            (a, b): draw.randint(0, 9)
            for a, b in product(range(PLACES), repeat=2)
            if a != b and draw.random() < 0.5
        }
        graph = FlowGraph()
        graph.edge(0, PLACES - 1, 0)
        for (a, b), capacity in edges.items():
            graph.edge(a, b, capacity)

        def cost(near: set[int], edges: dict[tuple[int, int], int] = edges) -> int:
            return sum(c for (a, b), c in edges.items() if a in near and b not in near)

        cuts = (
            {0, *(i + 1 for i, inside in enumerate(chosen) if inside)}
            for chosen in product((False, True), repeat=PLACES - 2)
        )
        near = graph.near_side(0, PLACES - 1)
        assert 0 in near
        assert PLACES - 1 not in near
        assert cost(near) == min(map(cost, cuts)), seed
