"""A daemon's start on a database with many waiting rows: seconds to the first send, and memory; used by delivery.py."""

import asyncio
import json
import sys
from pathlib import Path
from time import perf_counter

begun = perf_counter()
sys.path.insert(0, str(Path.cwd() / "tests" / "benchmarks"))
sys.path.insert(0, str(Path.cwd() / "tests"))

from delivery import DUE, Sink, system  # noqa: E402

from scheduler.clock import VirtualClock  # noqa: E402
from scheduler.operations import watching  # noqa: E402
from scheduler.rendering.inline import InlineRenderer  # noqa: E402
from scheduler.store.database import Store  # noqa: E402


def memory() -> float:
    """Return this process's resident memory in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


store = Store(sys.argv[1])
store.require_current()
before = memory()
sink = Sink()
parts = system(store, InlineRenderer(), sink)
watching.recover(store, watching.Hearing(VirtualClock(DUE)), now=DUE)
asyncio.run(parts.dispatcher.work_off())
print(json.dumps({"seconds": sink.taken[0] - begun, "before": before, "after": memory(), "sent": len(sink.taken)}))
parts.writer.close()
store.close()
