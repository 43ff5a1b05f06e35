"""Sequences with a tag for each token: readers, tag schemes, units, checks, splits."""
