"""Header names of a contacts file: which column means which field, in six languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.errors import suggestion
from scheduler.contacts_csv.row import FIELDS
from scheduler.contacts_csv.values import KINDS
from scheduler.errors import SchedulerError

MAX_COLUMNS = 200
LEFT_OUT = "-"

# Without case, accents and punctuation. What is not here becomes a fact of its own name.
_WORDS = {
    "ref": "ref|reference|id|customer|customer id|customer number|numero client|kundennummer|numar client",
    "email": "email|e mail|mail|email address|courriel|adresse mail|adresse email|correo|adresa de email|почта|"
    "эл почта|электронная почта|имейл",
    "phone": "phone|mobile|cell|telephone|tel|telefon|telefono|mobil|portable|phone number|handy|телефон|мобильный",
    "first_name": "first name|firstname|given name|prenom|prenume|vorname|nombre|имя",
    "last_name": "last name|lastname|surname|family name|nom|nume|nachname|apellido|apellidos|фамилия",
    "city": "city|town|ville|oras|stadt|ort|ciudad|город",
    "country": "country|pays|tara|land|pais|страна",
    "language": "language|lang|langue|limba|sprache|idioma|язык",
    "timezone": "timezone|time zone|fuseau|fuseau horaire|fus orar|zeitzone|zona horaria|часовой пояс",
    "birthday": "birthday|birth date|date of birth|anniversaire|date de naissance|data nasterii|geburtstag|"
    "geburtsdatum|cumpleanos|день рождения|дата рождения",
    "consent": "consent|consents|consentement|opt in|optin|consimtamant|einwilligung|consentimiento|согласие",
    "age": "age|varsta|alter|edad|возраст",
}


@dataclass(frozen=True, slots=True)
class Columns:
    """What each header means: `mapping` its field or fact, `kinds` how the facts are read whose kind was given.

    `unknown` are the headers nobody named and no table knows: they become facts of their own name.
    """

    mapping: Mapping[str, str]
    kinds: Mapping[str, str]
    unknown: tuple[str, ...]


def read_columns(header: tuple[str, ...], names: Mapping[str, str], source: str) -> Columns:
    """Say what each header means: a field of `ContactRow`, or the name of a fact; `names` goes before the table.

    In `names` a fact may have its kind after a colon (`points:number`), and `-` leaves a column out.
    Raises: SchedulerError when two columns mean the same or `names` names a column or a kind that is not there.
    """
    if len(header) > MAX_COLUMNS:
        raise SchedulerError(f"{source} has {len(header)} columns, at most {MAX_COLUMNS} are read")
    for wanted in names:
        if wanted not in header:
            raise SchedulerError(f"{source} has no column {wanted!r}", remedy=f"its columns: {', '.join(header)}")
    found: dict[str, str] = {}
    kinds: dict[str, str] = {}
    taken: dict[str, str] = {}
    unknown: list[str] = []
    for name in header:
        said = names.get(name, "")
        if not name or said == LEFT_OUT:
            continue
        target, _, kind = said.partition(":")
        target = target or _NAMES.get(_folded(name)) or ""
        if kind:
            _check_kind(name, target, kind)
            kinds[target] = kind
        if not target:
            unknown.append(name)
            target = _fact_name(name)
        if target in taken:
            raise SchedulerError(
                f"columns {taken[target]!r} and {name!r} of {source} both mean {target!r}",
                remedy=f"say which: --map {name}=another_name",
            )
        taken[target] = name
        found[name] = target
    return Columns(found, kinds, tuple(unknown))


def _check_kind(name: str, target: str, kind: str) -> None:
    if kind not in KINDS:
        near = suggestion(kind, KINDS)
        raise SchedulerError(f"unknown kind {kind!r} of {name!r}", remedy=near or f"expected one of {', '.join(KINDS)}")
    if target in FIELDS:
        raise SchedulerError(f"{target!r} is always read the same way", remedy=f"write --map {name}={target}")


def _folded(name: str) -> str:
    """Return a header without case, accents and punctuation, words separated by one blank."""
    bare = "".join(mark for mark in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(mark))
    # NFKD takes й apart as well; both sides of the comparison go through here, so that does no harm
    return " ".join(re.sub(r"[\W_]+", " ", bare).split())


def _fact_name(name: str) -> str:
    """Return the name of a fact made of a free header: lower case, words joined by `_`, letters as they are."""
    word = "_".join(re.sub(r"[\W_]+", " ", unicodedata.normalize("NFC", name).lower()).split())
    return f"_{word}" if word[:1].isdigit() else word


_NAMES = {_folded(word): known for known, words in _WORDS.items() for word in words.split("|")}
