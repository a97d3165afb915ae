"""The entry point `campaign`: the root of the tree and nothing else."""

from __future__ import annotations

from typing import NoReturn

import click

from scheduler.cli.frame import CampaignGroup
from scheduler.cli.registry import ENTRIES


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"campaign {version('campaign-sequencer')}")
        ctx.exit()


cli = CampaignGroup(
    "campaign",
    entries=ENTRIES,
    help="Write a campaign as a YAML file, see exactly who gets what and when, then let it run.",
    examples=(
        ("campaign new valentines", "start from a bundled example"),
        ("campaign plan valentines.yaml", "who would get what, when, and why then"),
        ("campaign when 'early january'", "what a phrase means"),
    ),
    epilog="Nothing is sent before `campaign apply` and `campaign run`.",
    params=[
        click.Option(
            ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Say the version."
        )
    ],
)


def main() -> NoReturn:
    """Run the command line of this process."""
    cli.main(prog_name="campaign")
