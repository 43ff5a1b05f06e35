"""``python -m mnemonist``, and ``torchrun -m mnemonist`` for more than one process."""

from mnemonist.cli import main

if __name__ == "__main__":
    main()
