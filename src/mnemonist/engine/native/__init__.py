"""The compiled executor: plans, and whether they can run here."""
