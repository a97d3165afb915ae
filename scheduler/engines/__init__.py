"""Engines carry claims to a worker; which worker and which machine is theirs to know."""
