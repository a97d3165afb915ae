"""Rendering messages behind a port: inline in rehearsals, in killable processes when live; no templates here."""
