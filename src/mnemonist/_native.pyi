from collections.abc import Sequence

__version__: str

def best_isa() -> str:
    """The widest instruction set that is compiled in and that this machine has."""

def has_isa(name: str) -> bool:
    """Whether this machine can run "portable", "avx2" or "avx512"."""

def pool_threads() -> int:
    """How many threads the engine has now, those that call it not counted."""

def empty(shape: Sequence[int], wide: bool = False) -> object:
    """A DLPack capsule over uninitialised memory of the arena: float32, or float64 if `wide`."""

def empty_behind(ahead: int, shape: Sequence[int], wide: bool = False) -> tuple[object, object]:
    """Two capsules over one block: all of it as a vector, and what begins behind `ahead` elements."""

def arena_use() -> dict[str, int]:
    """Bytes `in_use` and `idle`; blocks `taken` so far, and of them `fresh` from the system."""

def arena_limit() -> int:
    """How many bytes the arena keeps idle at most."""

def set_arena_limit(bytes: int) -> None:
    """Keep at most so many bytes idle from now on."""

def release_arena() -> None:
    """Give what lies idle back to the system."""

def fill_with_nan(on: bool) -> None:
    """For tests: from now on the arena's memory comes filled with NaN."""

class Plan:
    """A program compiled to stages over buffers."""

    def __init__(self, code: Sequence[int], numbers: Sequence[float]) -> None: ...

def run(
    plan: Plan,
    wide: bool,
    steps: int,
    rows: int,
    first: int,
    memory: Sequence[int],
    threads: int,
    isa: str,
    enter: Sequence[tuple[int, int]] = (),
    leave: Sequence[tuple[int, int]] = (),
    sizes: Sequence[int] = (),
) -> None:
    """Run a plan.

    Args:
        first: the address of the number of rows before each step, or 0 where every step has all.
        memory: the address of each buffer; 0 for those of a thread or of the plan, and for those
            whose content nobody wants, which then live as long as the run.
        isa: an instruction set; the best there is if empty.
        enter: buffer and address of what its first rows are filled with before; 0: with zeros.
        leave: buffer of a state and address of where what each row ended with is copied behind.
        sizes: how many numbers each buffer has that the caller provides, to be checked.
    """

class Stepper:
    """A plan of one step, its weights packed and its operands resolved."""

    def __init__(
        self,
        plan: Plan,
        wide: bool,
        rows: int,
        precision: str,
        isa: str,
        x: int,
        output: int,
    ) -> None:
        """`x` and `output` are buffers of the plan, or -1 where it has none."""

    def load(self, constants: Sequence[int], sizes: Sequence[int]) -> None:
        """Pack the weights found at the addresses of the plan's constants, of so many numbers."""

    def bind(self, buffer: int, address: int, size: int) -> None:
        """Where a buffer lies from now on, and how many numbers it has."""

    def step(self, x: int, output: int) -> None:
        """One step, from the input at one address to the output at another."""

    @property
    def weight_bytes(self) -> int:
        """Bytes of packed weights."""
