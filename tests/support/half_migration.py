"""Migrate a database again and again, killed before one statement later each time, until it succeeds.

Run as a process of its own: `half_migration.py URL`. Prints a line each time: how often it was killed so far, and the
version found afterwards.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count

import alembic.command
import alembic.config  # noqa: F401
from sqlalchemy import Engine, event, text

from scheduler.store.database import Store


def migrate_and_die(url: str, last: int) -> None:
    numbers = count(1)

    def die(*_: object) -> None:
        if next(numbers) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", die)
    event.listen(Engine, "commit", die)
    Store(url).migrate()


def version(url: str) -> str:
    store = Store(url)
    with store.read() as conn:
        found = conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    store.close()
    return str(found)


def main(url: str) -> None:
    for last in count(1):
        child = os.fork()
        if child == 0:
            migrate_and_die(url, last)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(last, version(url), flush=True)
        if status == 0:
            return


if __name__ == "__main__":
    main(sys.argv[1])
