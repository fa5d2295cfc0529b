"""The command line: `main(argv) -> int`. No logic: arguments in, one call, text out.

Results go to stdout, logs and errors to stderr. Exit codes: 0 good, 1 the result says no, 2 usage or
configuration, 3 data, 4 broker, 130 interrupted. Importing this module loads nothing; commands import what
they need when they run, so that `sos --help` costs less than importing NumPy.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments without the program's name; None takes those of the process.

    Returns:
        The exit code. Nothing is raised unless ``--debug`` asks for the traceback.
    """
    if argv is None:
        _own_the_process()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["version"], ["--version"]):  # asked by scripts: no need to load the rest
        from sos import __version__

        with contextlib.suppress(OSError):  # a full disk, a reader that is gone: told below
            print(f"sos {__version__}", flush=True)
            return 0
        arguments = ["version"]
    from sos.cli.entry import run

    return run(arguments)


def _own_the_process() -> None:
    """Leave out at the start what no command needs; the environment's own settings win."""
    gc.set_threshold(50_000)  # modules and patterns make many objects and no garbage
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no matrix is ever multiplied
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looked for in every package installed
