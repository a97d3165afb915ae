"""The corpus of broken files: each is refused with the messages beside it, and each message helps.

A golden is the complete output for one file. To change one, read the new messages as a shop owner would, then write
them into the .txt file.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from campaigns.errors import DefinitionError
from campaigns.loader import load

FILES = sorted((Path(__file__).parent / "broken").glob("*.yaml"))


def test_the_corpus_holds_at_least_fifty_files() -> None:
    assert len(FILES) >= 50
    assert {file.stem for file in FILES} == {file.stem for file in FILES[0].parent.glob("*.txt")}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_broken_file_is_refused_with_the_messages_beside_it(file: Path) -> None:
    with pytest.raises(DefinitionError) as refused:
        load(file.read_bytes(), file.name)

    assert str(refused.value) + "\n" == file.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_message_names_a_line_and_a_remedy_and_no_machinery(file: Path) -> None:
    with pytest.raises(DefinitionError) as refused:
        load(file.read_bytes(), file.name)

    for mistake in refused.value.mistakes:
        assert mistake.place.line
        assert mistake.place.column
        assert mistake.remedy
        assert re.match(rf"{re.escape(file.name)}:\d+:\d+: \S.* - \S", str(mistake))
        assert not re.search(
            r"pydantic|Input should|value_error|ruamel|Traceback|NoneType|<class|\bdict\b", str(mistake)
        )
        assert not str(mistake).endswith(".")
