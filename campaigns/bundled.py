"""Finds the templates and examples that travel with the package: inside the wheel, else beside it in a checkout."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from campaigns.errors import CampaignError, suggestion

_PACKAGE = Path(__file__).resolve().parent
_TEXTS = frozenset({".html", ".txt", ".md", ".j2", ".jinja", ".css", ".yaml"})


def _folder(name: str) -> Path:
    """Return the wheel's copy of a folder, else the checkout's."""
    inside = _PACKAGE / f"_{name}"
    return inside if inside.is_dir() else _PACKAGE.parent / name


@cache
def templates() -> Mapping[str, str]:
    """Return the bundled templates: path below `templates/`, with slashes, to the text of the file; in order."""
    root = _folder("templates")
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix in _TEXTS)
    return MappingProxyType({path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in files})


@cache
def examples() -> tuple[str, ...]:
    """Return the names of the bundled examples in alphabetical order: folders with a campaign of their own name."""
    root = _folder("examples")
    if not root.is_dir():
        return ()
    return tuple(sorted(path.name for path in root.iterdir() if (path / f"{path.name}.yaml").is_file()))


def example(name: str) -> Path:
    """Return the folder of the bundled example `name`.

    Raises:
        CampaignError: there is no such example, with a near name.
    """
    if name not in examples():
        remedy = suggestion(name, examples()) or f"choose one of {', '.join(examples())}"
        raise CampaignError(f"unknown example '{name}'", remedy=remedy)
    return _folder("examples") / name
