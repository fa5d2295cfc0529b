"""What the broker has answered: bars by day and series, so that nothing is asked for twice.

A memory, not a truth: the store's files decide. A day whose bars were removed from the store is asked for
again, and a lost or damaged file here costs requests, nothing else. One JSON file for each series under
``fetched/`` of the data directory, replaced whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import orjson

from sos.data.store import files
from sos.data.store.layout import encode_key

__all__ = ["Answers"]


class Answers:
    """Number of bars by IST date that the broker gave for one series, after the day was over."""

    def __init__(self, root: Path, key: str, minutes: int) -> None:
        self._path = root / "fetched" / encode_key(key) / f"{minutes}m.json"
        self._days = self._read()

    def days(self) -> Mapping[date, int]:
        """What has been answered."""
        return self._days

    def add(self, days: Mapping[date, int]) -> None:
        """Remember more answers.

        Raises:
            DataError: the folder cannot be written.
        """
        if all(self._days.get(day) == count for day, count in days.items()):
            return
        self._days |= days
        text = orjson.dumps({day.isoformat(): self._days[day] for day in sorted(self._days)})
        try:
            files.commit(files.stage(self._path, text), self._path)
        except OSError as exc:
            raise files.storage_error(self._path, exc) from exc

    def _read(self) -> dict[date, int]:
        data = files.read(self._path)
        try:
            found = orjson.loads(data) if data else {}
            return {date.fromisoformat(day): int(count) for day, count in found.items()}
        except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError):
            return {}  # forgotten: everything is asked for again
