"""ABC notation: `read` and `write`."""
