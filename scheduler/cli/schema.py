"""`campaign schema`: the JSON Schema of a campaign file, for an editor."""

from __future__ import annotations

from pathlib import Path

import click

from scheduler.cli.files import write_text
from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common
from scheduler.cli.output import to_json

FILE = "campaign.schema.json"
FIRST_LINE = f"# yaml-language-server: $schema={FILE}"


def schema_text() -> str:
    """Return the schema as the text of its file."""
    from campaigns import schema

    return to_json(schema.json_schema(), indent=2) + "\n"


@click.command(
    "schema",
    cls=CampaignCommand,
    examples=(
        (f"campaign schema -o {FILE}", "write it beside the campaign files"),
        (FIRST_LINE, "and make this the first line of each"),
    ),
)
@click.option(
    "-o", "--output", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it here."
)
@common
def command(session: Session, target: Path | None) -> None:
    """Write the JSON Schema that lets an editor check and complete a campaign file."""
    if target is None:
        session.screen.text(schema_text())
        return
    write_text(target, schema_text())
    if session.json:
        session.screen.json({"file": str(target)})
    else:
        session.screen.line(f"{target} written; first line of a campaign file: {FIRST_LINE}")
