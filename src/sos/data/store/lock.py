"""One writer at a time: a lock file that names its holder.

The lock is the operating system's, so that a killed holder leaves nothing to clean up by hand; the text in
the file says who holds it. A text that is still there when the lock is free means that its writer did not end
well: whoever takes the lock next is told so (`Lock.was_dirty`) and recovers.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from sos.clock import ist_iso
from sos.errors import DataError

__all__ = ["Lock"]

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        os.lseek(handle, 1 << 30, os.SEEK_SET)  # a byte far behind the text, which stays readable
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lock:
    """A held lock; make one with `acquire`, give it back with `release`."""

    def __init__(self, handle: int, was_dirty: bool) -> None:
        self._handle = handle
        self.was_dirty = was_dirty

    @staticmethod
    def acquire(path: Path, now_ns: Callable[[], int]) -> Lock:
        """Take the lock at ``path`` or fail at once.

        Raises:
            DataError: another process writes; names it.
            OSError: the file cannot be made or written (full disk, read-only folder).
        """
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            try:
                _take(handle)
            except OSError as exc:
                raise DataError(f"the store is being written by {_holder(handle)}: wait for it") from exc
            lock = Lock(handle, was_dirty=os.fstat(handle).st_size > 0)
            lock._sign(f"process {os.getpid()} on {socket.gethostname()} since {ist_iso(now_ns())}\n")
        except BaseException:
            os.close(handle)
            raise
        return lock

    def _sign(self, text: str) -> None:
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, text.encode())
        os.ftruncate(self._handle, len(text.encode()))
        os.fsync(self._handle)

    def release(self, *, clean: bool) -> None:
        """Give the lock back; ``clean`` False leaves the text, so that the next holder recovers."""
        try:
            if clean:
                os.ftruncate(self._handle, 0)
        finally:
            os.close(self._handle)


def _holder(handle: int) -> str:
    os.lseek(handle, 0, os.SEEK_SET)
    text = os.read(handle, 200).decode(errors="replace").strip()
    return text or "another process"
