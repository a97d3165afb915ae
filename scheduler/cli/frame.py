"""The click classes every command is made of: lazy groups with sections, help that leads with examples, exit codes."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.exceptions import NoSuchCommand

from scheduler.cli import exits
from scheduler.cli.registry import SECTIONS, Entry

if TYPE_CHECKING:
    from scheduler.cli.options import Session

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 88}


@dataclass
class Holder:
    """What the outermost frame knows of the command that ran: its session, once the options were read."""

    session: Session | None = None


class CampaignCommand(click.Command):
    """A leaf: its help says what it is for, shows examples, then lists its own and the common options apart."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", {}).update(CONTEXT)
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return what the command does as its group lists it: the first clause, where the sentence would be cut."""
        told = super().get_short_help_str(limit)
        return f"{re.split('[;:.]', ' '.join((self.help or '').split()))[0]}." if told.endswith("...") else told

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write purpose, examples, usage, arguments and options, in this order."""
        self.format_help_text(ctx, formatter)
        format_examples(self.examples, formatter)
        formatter.write_paragraph()
        self.format_usage(ctx, formatter)
        self.format_arguments(ctx, formatter)
        self.format_options(ctx, formatter)
        self.format_epilog(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of this command, then those every command has."""
        own: list[tuple[str, str]] = []
        common: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None or isinstance(param, click.Argument):
                continue
            is_common = getattr(param, "common", False) or "--help" in param.opts
            (common if is_common else own).append(record)
        for title, records in (("Options", own), ("Common options", common)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class CampaignGroup(click.Group):
    """A group of commands that are loaded when they are called; alone, it prints its help and ends well."""

    command_class = CampaignCommand

    def __init__(
        self, *args: Any, entries: Iterable[Entry] = (), examples: Sequence[tuple[str, str]] = (), **kwargs: Any
    ) -> None:
        kwargs.setdefault("context_settings", {}).update(CONTEXT)
        kwargs.setdefault("invoke_without_command", True)
        kwargs.setdefault("callback", _help_when_bare)
        kwargs.setdefault("subcommand_metavar", "COMMAND [...]")
        super().__init__(*args, **kwargs)
        self.entries = {entry.name: entry for entry in entries}
        self.examples = tuple(examples)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of the table."""
        return [*self.entries, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command of this name, or return None."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        command = getattr(importlib.import_module(entry.module), entry.attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command named first; an unknown one is answered with the nearest name."""
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand:
            raise NoSuchCommand(args[0], possibilities=self.list_commands(ctx), ctx=ctx) from None

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write purpose, examples, usage and the commands by section."""
        self.format_help_text(ctx, formatter)
        format_examples(self.examples, formatter)
        formatter.write_paragraph()
        self.format_usage(ctx, formatter)
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)
        self.format_epilog(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their section headings, without loading one."""
        if not self.entries:
            super().format_commands(ctx, formatter)
            return
        width = max(len(name) for name in self.entries)
        for section in SECTIONS:
            rows = [
                (entry.name.ljust(width), entry.help) for entry in self.entries.values() if entry.section == section
            ]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)

    def main(  # type: ignore[override]  # it always leaves, whatever `standalone_mode` says
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run the command line and leave with one of the documented exit codes, never with a traceback.

        Raises: SystemExit, always.
        """
        from scheduler.cli import failures

        extra["standalone_mode"] = False
        holder = extra.setdefault("obj", Holder())
        _survive_any_character()
        try:
            result = super().main(args, prog_name or "campaign", **extra)
        except (Exception, KeyboardInterrupt) as error:
            result = failures.report(error, holder.session)
        sys.exit(result if isinstance(result, int) else exits.DONE)


def format_examples(examples: Sequence[tuple[str, str]], formatter: click.HelpFormatter) -> None:
    """Write runnable lines, each with what it is for."""
    if examples:
        width = max(len(line) for line, _ in examples)
        with formatter.section("Examples"):
            for line, purpose in examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line:<{width}}   {purpose}".rstrip() + "\n")


@click.pass_context
def _help_when_bare(ctx: click.Context, /, **_: object) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        ctx.exit(exits.DONE)


def _survive_any_character() -> None:
    """Let a terminal that cannot show a character show `?` instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and (stream.encoding or "").lower().replace("-", "") != "utf8":
            reconfigure(errors="replace")
