"""Recurrent sequence models on PyTorch: a cell is its equations, a job is done end to end."""

__version__ = "0.1.0.dev0"
