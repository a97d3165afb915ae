"""`campaign completion SHELL`: the script a shell needs to complete commands, options and touch ids."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from scheduler.cli.frame import CampaignCommand
from scheduler.cli.options import Session, common

SHELLS = ("bash", "zsh", "fish", "powershell")


@click.command(
    "completion",
    cls=CampaignCommand,
    examples=(
        ('eval "$(campaign completion bash)"', "in ~/.bashrc"),
        ('eval "$(campaign completion zsh)"', "in ~/.zshrc"),
        ("campaign completion fish > ~/.config/fish/completions/campaign.fish", ""),
    ),
)
@click.argument("shell", type=click.Choice(SHELLS), help="The shell to write the script for.")
@common
def command(session: Session, shell: str) -> None:
    """Print the completion script of a shell."""
    from scheduler.cli.main import cli

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"this version of click does not complete for {shell}")
    session.screen.text(found(cli, {}, "campaign", "_CAMPAIGN_COMPLETE").source())
