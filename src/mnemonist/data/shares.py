"""The earlier part for training, the next for validation, the last for the test."""

from __future__ import annotations

from mnemonist.errors import ConfigError

__all__ = ["contiguous"]


def contiguous(
    count: int, valid: float | int, test: float | int, *, label: str, unit: str = "steps"
) -> tuple[int, int]:
    """Where validation and test begin among `count` items in order.

    Args:
        count: how many there are.
        valid, test: the share of them (below 1), or a number of them (above 1, or int).
        label: what is cut, for the message.
        unit: what is counted, for the message.

    Raises:
        ConfigError: a share that is none, or nothing left for training.

    >>> contiguous(100, 0.15, 0.2, label="load")
    (65, 80)
    >>> contiguous(100, 0, 7, label="load")
    (93, 93)
    """
    sizes = []
    for name, share in (("valid", valid), ("test", test)):
        # a command line has every number as a float: 400.0 is 400 sentences
        whole = isinstance(share, int) or (share > 1 and share.is_integer())
        if share < 0 or (not whole and share >= 1):
            raise ConfigError(
                f"{name}={share}: a share from 0 to below 1, or a whole number of {unit}."
            )
        sizes.append(int(share) if whole else round(count * share))
    second = count - sizes[1]
    first = second - sizes[0]
    if first < 1:
        raise ConfigError(
            f"{label} has {count} {unit}; validation ({sizes[0]}) and test ({sizes[1]}) leave none "
            "for training. Make them smaller."
        )
    return first, second
