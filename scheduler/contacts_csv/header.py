"""Header names of a contacts file: which column means which field, in six languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from scheduler.errors import SchedulerError

MAX_COLUMNS = 200

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


def mapping(header: tuple[str, ...], names: Mapping[str, str], source: str) -> dict[str, str]:
    """Return what each header means: a field of `ContactRow`, or the name of a fact; `names` goes before the table.

    Raises: SchedulerError when two columns mean the same or `names` names a column that is not there.
    """
    if len(header) > MAX_COLUMNS:
        raise SchedulerError(f"{source} has {len(header)} columns, at most {MAX_COLUMNS} are read")
    for wanted in names:
        if wanted not in header:
            raise SchedulerError(f"{source} has no column {wanted!r}", remedy=f"its columns: {', '.join(header)}")
    found: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in header:
        if not name:
            continue
        target = names.get(name) or _NAMES.get(_folded(name)) or _fact_name(name)
        if target in taken:
            raise SchedulerError(
                f"columns {taken[target]!r} and {name!r} of {source} both mean {target!r}",
                remedy=f"say which: --map {name}=another_name",
            )
        taken[target] = name
        found[name] = target
    return found


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
