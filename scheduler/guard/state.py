"""Where a daemon keeps what must not lie beside its database, and which machine it runs on."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from scheduler.settings import Settings

MARK = "ledger.hwm"
JOURNAL = "outcomes.journal"

# machine-id(5): one id for each installation, made at its first boot. It must not be told to others as it is.
_MACHINE_FILES = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_PURPOSE = b"campaign-sequencer ledger"


def root(settings: Settings) -> Path:
    """Return the state folder: CAMPAIGN_STATE_DIR, else the place the XDG base directory specification names."""
    if settings.state_dir is not None:
        return settings.state_dir
    home = os.environ.get("XDG_STATE_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "state") / "campaign"


def folder(state: Path, instance: str) -> Path:
    """Return the folder of one database: its instance is 32 hexadecimal digits."""
    return state / instance


def machine() -> str:
    """Return a name for this machine that stays the same over restarts; empty where it has none.

    The host's name is not asked: a container gets a new one at each start, and a machine may be given another.
    """
    for path in _MACHINE_FILES:
        try:
            found = Path(path).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if len(found) == 32 and found.strip("0"):
            return hmac.digest(found.encode("ascii"), _PURPOSE, hashlib.sha256).hex()[:32]
    return ""
