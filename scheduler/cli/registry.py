"""The table of commands: name, section of the help, one line of help and the module to load; nothing heavy here."""

from __future__ import annotations

from dataclasses import dataclass

SECTIONS = ("Write", "See", "Do", "Watch", "People and offers", "Keep")


@dataclass(frozen=True, slots=True)
class Entry:
    """A command that is not loaded yet: `module` has the click command as its attribute `attribute`."""

    name: str
    section: str
    help: str
    module: str
    attribute: str = "command"


ENTRIES = (
    Entry("new", "Write", "Start a project from a bundled example", "scheduler.cli.new"),
    Entry("lint", "Write", "Report every mistake of a file, with its line and the remedy", "scheduler.cli.lint"),
    Entry("schema", "Write", "Write the JSON Schema that lets an editor check and complete", "scheduler.cli.schema"),
    Entry("when", "See", "Say what a phrase such as 'early january' means, and why", "scheduler.cli.when"),
    Entry("plan", "See", "Show who would get what and when, and why then", "scheduler.cli.plan"),
    Entry("preview", "See", "Show one message as a person would read it", "scheduler.cli.preview"),
    Entry("apply", "Do", "Put campaigns on the schedule", "scheduler.cli.apply"),
    Entry("correct", "Do", "Tell those who were sent wrong words, and nobody else", "scheduler.cli.correct"),
    Entry("approve", "Do", "Approve a touch with exactly the content it has now", "scheduler.cli.steer", "approve"),
    Entry("send", "Do", "Send one marked test message, to you", "scheduler.cli.send"),
    Entry("pause", "Do", "Stop sending a campaign or a touch", "scheduler.cli.steer", "pause"),
    Entry("resume", "Do", "Let what was paused go on", "scheduler.cli.steer", "resume"),
    Entry("cancel", "Do", "End a campaign or a touch for this edition", "scheduler.cli.steer", "cancel"),
    Entry("run", "Do", "The daemon: send what is due; or rehearse with --dry-run", "scheduler.cli.run"),
    Entry("tasks", "Do", "What people of the shop have to do", "scheduler.cli.tasks"),
    Entry("status", "Watch", "What is on the schedule, what went, what is next", "scheduler.cli.status"),
    Entry("reconcile", "Watch", "Find out what became of messages nobody knows of", "scheduler.cli.reconcile"),
    Entry("log", "Watch", "What became of every message, and why", "scheduler.cli.log"),
    Entry("explain", "Watch", "When a message reaches a person, or exactly why not", "scheduler.cli.explain"),
    Entry("bounces", "Watch", "Read what came back of mails: bounces and complaints", "scheduler.cli.bounces"),
    Entry("audit", "Watch", "Who applied, approved, paused, cancelled or imported what", "scheduler.cli.audit"),
    Entry(
        "contacts",
        "People and offers",
        "Import and export people, show, merge, erase; opt-outs",
        "scheduler.cli.contacts",
    ),
    Entry("event", "People and offers", "Tell what a person did", "scheduler.cli.event"),
    Entry("doctor", "Keep", "Check the project, the database, the accounts", "scheduler.cli.doctor"),
    Entry("db", "Keep", "Upgrade or check the database", "scheduler.cli.db"),
    Entry("completion", "Keep", "Print the completion script of a shell", "scheduler.cli.completion"),
    Entry("version", "Keep", "Say which version this is, and on what it stands", "scheduler.cli.version"),
)
