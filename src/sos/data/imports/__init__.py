"""Files of others into the store: bars, ticks, option chains, put/call ratios.

`run_import` is what the command calls; `read_file` reads one file without a store. Nothing is downloaded.
"""

from sos.data.imports.reading import ImportOptions, Piece, read_file
from sos.data.imports.runner import FileOutcome, run_import

__all__ = ["FileOutcome", "ImportOptions", "Piece", "read_file", "run_import"]
