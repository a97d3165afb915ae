"""The command line: one module a command, lazily loaded; words on a screen, no rules of its own."""
