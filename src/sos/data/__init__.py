"""Where bars come from: files that prove what they are, and the bundled sample.

Files are opened here and nowhere below; nothing is downloaded. `sources.resolve_inputs` is what a run
calls, `load.load_file` reads one file. pyarrow is imported when the first file is read.
"""

from sos.data.load import load_file
from sos.data.sample import sample
from sos.data.series import SeriesData
from sos.data.sources import FileOptions, RunInputs, resolve_inputs
from sos.data.symbols import Instrument, known_symbols, resolve

__all__ = [
    "FileOptions",
    "Instrument",
    "RunInputs",
    "SeriesData",
    "known_symbols",
    "load_file",
    "resolve",
    "resolve_inputs",
    "sample",
]
