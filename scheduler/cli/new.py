"""`campaign new`: a project from a bundled example, with the schema an editor needs beside it."""

from __future__ import annotations

import re
from pathlib import Path

import click

from scheduler.cli.files import write_bytes
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import Span
from scheduler.cli.schema import FILE as SCHEMA_FILE
from scheduler.cli.schema import FIRST_LINE, schema_text
from scheduler.errors import SchedulerError
from scheduler.project import MARKER

LANGUAGES = ("en", "fr", "ro", "ru")
STARTER = "valentines"  # what `campaign new` starts from when nothing is said

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_GOLDEN = re.compile(r"(plan|rehearsal|dry-run)[^/]*\.(txt|json|ndjson)$")  # what the tests compare with
_SETTINGS = """\
# Settings of this project; passwords and keys belong in the environment or in files of their own.
# database_url = "sqlite:///var/campaign.db"
# public_url = "https://news.shop.example"
"""
_IGNORED = "# made by campaign\nvar/\noutbox/\n.env\n"


@click.command(
    "new",
    cls=CampaignCommand,
    examples=(
        ("campaign new valentines", "the ring shop's Valentine's Day, in a folder of its own"),
        ("campaign new spring --from groomer-rebooking", "another example under your own name"),
        ("campaign new --list", "what there is to start from"),
    ),
)
@click.argument("name", required=False, help="Id of the campaign and name of its folder: a-z, 0-9 and -.")
@click.option("--from", "starter", metavar="STARTER", help="The example to start from (default: NAME, if it is one).")
@click.option("--lang", type=click.Choice(LANGUAGES), help="Start from an example in this language.")
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Folder to write (default: ./NAME)."
)
@click.option("--list", "listed", is_flag=True, help="List the examples.")
@common
def command(
    session: Session, *, name: str | None, starter: str | None, lang: str | None, into: Path | None, listed: bool
) -> None:
    """Start a project from a bundled example."""
    examples = _examples()
    if listed:
        _list(session, examples)
        return
    starter = _starter(examples, name, starter, lang)
    name = name or starter
    if not _ID.fullmatch(name):
        raise click.UsageError(f"{name!r} cannot be an id: use small letters, digits and '-', e.g. spring-sale")
    folder = into or Path(name)
    written = _copy(starter, name, folder)
    if session.json:
        session.screen.json({"folder": str(folder), "starter": starter, "files": [str(path) for path in written]})
        return
    session.screen.line(f"{folder}/ made from the example {starter}:")
    for path in written:
        session.screen.line("  ", str(path.relative_to(folder)))
    where = f"{folder / name}.yaml"
    session.screen.steps(
        [
            (f"campaign plan {where}", "who would get what, and when"),
            (f"campaign run --dry-run {where}", "live through it; nothing is sent"),
        ]
    )


def _examples() -> dict[str, tuple[str, str]]:
    """Return the bundled examples: name -> (language, title)."""
    from campaigns import bundled

    found: dict[str, tuple[str, str]] = {}
    for name in bundled.examples():
        path = bundled.example(name) / f"{name}.yaml"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        language, title = (
            re.search(rf"^{key}:[ \t]*(.+?)[ \t]*(?:#.*)?$", text, re.MULTILINE) for key in ("language", "title")
        )
        found[name] = (language[1] if language else "en", title[1].strip("'\"") if title else "")
    return found


def _list(session: Session, examples: dict[str, tuple[str, str]]) -> None:
    rows = [(name, language, title) for name, (language, title) in examples.items()]
    if session.json:
        session.screen.json([{"name": name, "language": language, "title": title} for name, language, title in rows])
    elif session.plain:
        session.screen.rows(rows)
    else:
        session.screen.columns([(Span(name, "strong"), language, title) for name, language, title in rows])
        session.screen.steps([(f"campaign new {rows[0][0]}", "")] if rows else [])


def _starter(examples: dict[str, tuple[str, str]], name: str | None, starter: str | None, lang: str | None) -> str:
    """Choose the example: the one asked for, else the one called like the campaign, else the first in the language."""
    from campaigns.errors import suggestion

    if starter is not None:
        if starter not in examples:
            remedy = suggestion(starter, examples) or f"expected one of {', '.join(examples)}"
            raise SchedulerError(f"no example {starter!r}", remedy=remedy)
        return starter
    if name in examples:
        assert name is not None
        return name
    fitting = [example for example, (language, _) in examples.items() if lang is None or language == lang]
    if not fitting:
        spoken = ", ".join(sorted({language for language, _ in examples.values()}))
        raise SchedulerError(f"no example in {lang!r}", remedy=f"there are some in {spoken}: campaign new --list")
    return STARTER if STARTER in fitting else fitting[0]


def _copy(starter: str, name: str, folder: Path) -> list[Path]:
    """Copy the example under its new name; nothing is written when anything stands in the way."""
    from campaigns import bundled

    source = bundled.example(starter)
    if folder.exists() and any(folder.iterdir()):
        raise SchedulerError(f"{folder} is not empty", remedy="choose another place: --into DIR")
    texts: dict[Path, bytes] = {}
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if not path.is_file() or _GOLDEN.search(relative.as_posix()) or "__pycache__" in relative.parts:
            continue
        if relative.as_posix() == f"{starter}.yaml":
            texts[Path(f"{name}.yaml")] = _named(path.read_text(encoding="utf-8"), name).encode()
        else:
            texts[relative] = path.read_bytes()
    texts[Path(SCHEMA_FILE)] = schema_text().encode()
    texts[Path(".gitignore")] = _IGNORED.encode()
    texts[Path(MARKER)] = _SETTINGS.encode()
    written = [folder / relative for relative in texts]
    for relative, data in texts.items():
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, data)
    return written


def _named(text: str, name: str) -> str:
    """Return the campaign file under its new id, with the line that tells an editor about the schema first."""
    lines = [line for line in text.splitlines() if not line.startswith("# yaml-language-server:")]
    renamed = re.sub(r"^campaign:[ \t]*\S+", f"campaign: {name}", "\n".join(lines), count=1, flags=re.MULTILINE)
    return f"{FIRST_LINE}\n{renamed}\n"
