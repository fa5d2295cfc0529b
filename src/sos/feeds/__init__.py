"""Producers: they turn what is outside into events on the bus. They decide nothing."""

from sos.feeds.replay import replay

__all__ = ["replay"]
