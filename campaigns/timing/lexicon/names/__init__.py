"""Names of occasions, one table a language."""
