"""Channels: how a message leaves the house; which one is used is decided in bootstrap, not here."""
