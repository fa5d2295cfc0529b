"""`python -m sos.cli`."""

from __future__ import annotations

from sos.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
