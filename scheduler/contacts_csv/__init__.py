"""Reading people from a CSV file: encoding, separator, headers, values; every refused row with its line and why.

What it returns is what `contacts import` stores and what `--contacts` counts: the two never disagree.
"""

from scheduler.contacts_csv.reader import ContactsFile, Refusal, parse, read, refused_csv
from scheduler.contacts_csv.row import FIELDS, ContactRow, Fact, fact, from_facts

__all__ = [
    "FIELDS",
    "ContactRow",
    "ContactsFile",
    "Fact",
    "Refusal",
    "fact",
    "from_facts",
    "parse",
    "read",
    "refused_csv",
]
