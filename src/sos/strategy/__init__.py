"""Strategy files: their model, loader, checks and descriptions, and the machine that runs a pattern.

Nothing is imported here, so that a user of `sos.strategy.pattern` alone does not pay for pydantic.
"""
