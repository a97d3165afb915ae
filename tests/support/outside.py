"""Far ends that are programs of others and not of Python's: used where they are installed, named where they are not.

They lie outside the checkout, in `~/.cache/campaign-sequencer/peers/<name>` (or `$XDG_CACHE_HOME/...`), each put there by
npm: `npm install --prefix <folder> --ignore-scripts <package>`.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outside:
    """A program: its npm package, and the file by which it is known to be there."""

    name: str
    package: str
    program: str

    @property
    def folder(self) -> Path:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return home / "campaign-sequencer" / "peers" / self.name

    @property
    def path(self) -> Path:
        return self.folder / self.program

    @property
    def how(self) -> str:
        """How it is installed."""
        return " ".join(self._command)

    def build(self) -> None:
        """Fetch it from npm. Raises: CalledProcessError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(self._command, check=True)

    @property
    def _command(self) -> list[str]:
        return ["npm", "install", "--prefix", str(self.folder), "--ignore-scripts", self.package]


OUTSIDE = {"prism": Outside("prism", "@stoplight/prism-cli@5.16", "node_modules/.bin/prism")}
