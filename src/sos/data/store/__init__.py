"""The local archive of market data: Parquet by kind, instrument, part and month, with a catalogue.

`Store` is what everyone uses. Files are the truth, merges are idempotent, one process writes at a time.
pyarrow and SQLite are imported with this package, so import it where it is needed.
"""

from sos.data.store.check import StoreFinding
from sos.data.store.core import SYNTHETIC, Entry
from sos.data.store.layout import default_root
from sos.data.store.merge import MergeReport
from sos.data.store.store import Store

__all__ = ["SYNTHETIC", "Entry", "MergeReport", "Store", "StoreFinding", "default_root"]
