"""Reading people from a CSV file: encoding, separator, headers, values; every refused row with its line and why.

What it returns is what `contacts import` stores and what `--contacts` counts: the two never disagree.
"""

from scheduler.contacts_csv.encoding import Candidate, EncodingQuestion
from scheduler.contacts_csv.reader import (
    ContactsFile,
    Shape,
    as_row,
    opened,
    parse,
    read,
    refused_csv,
    shape_of,
    write_refused,
)
from scheduler.contacts_csv.row import FIELDS, ContactRow, from_facts
from scheduler.contacts_csv.spool import Refusal, Spool
from scheduler.contacts_csv.values import Fact, fact, is_yes_or_no, quoted

__all__ = [
    "FIELDS",
    "Candidate",
    "ContactRow",
    "ContactsFile",
    "EncodingQuestion",
    "Fact",
    "Refusal",
    "Shape",
    "Spool",
    "as_row",
    "fact",
    "from_facts",
    "is_yes_or_no",
    "opened",
    "parse",
    "quoted",
    "read",
    "refused_csv",
    "shape_of",
    "write_refused",
]
