"""Far ends that are programs of others and not of Python's: used where they are installed, named where they are not.

They lie outside the checkout, in `~/.cache/campaign-sequencer/peers/<name>` (or `$XDG_CACHE_HOME/...`), each put there by
npm when `python -m tests.full` is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from support import node


@dataclass(frozen=True)
class Outside:
    """A program: its npm package, and the file by which it is known to be there."""

    name: str
    package: str
    program: str

    @property
    def folder(self) -> Path:
        return node.peers() / self.name

    @property
    def path(self) -> Path:
        return self.folder / self.program

    @property
    def is_built(self) -> bool:
        """Whether it is there, and Node to run it."""
        return self.path.exists() and node.is_there()

    def build(self) -> None:
        """Fetch it from npm. Raises: CalledProcessError."""
        node.install(self.folder, self.package, scripts=False)


OUTSIDE = {"prism": Outside("prism", "@stoplight/prism-cli@5.16", "node_modules/.bin/prism")}
