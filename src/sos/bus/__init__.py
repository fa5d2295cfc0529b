"""The numbered log that every event goes through, and the gates that keep its readers in order.

Producers publish; each event gets the next number. A `Stage` reads slots in order, in batches; one that
is declared ``after`` another sees a slot only when the other is done with it, together with what the
other attached to it. An `Observer` sees a slot when all stages are done with it. Everything runs in one
thread on asyncio; every buffer has a size. The bus knows no domain: it must not look into events beyond
their type and ``key``, must not drop or reorder a slot for a stage, and must not start tasks.

Source of the idea: the sequence barrier of LMAX Disruptor. Why not queues: docs/decisions/0003-the-bus.md.
"""

from sos.bus.core import Bus
from sos.bus.log import Batch, BusStats, Overflow, ReaderStats, Slot
from sos.bus.readers import Observer, Stage

__all__ = ["Batch", "Bus", "BusStats", "Observer", "Overflow", "ReaderStats", "Slot", "Stage"]
