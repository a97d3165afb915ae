"""How each language says a timing, one module a language."""
