"""A touch is added to a campaign file below another one; every other line, comments too, stays as it is."""

from __future__ import annotations

import pytest

from campaigns import loader
from campaigns.errors import CampaignError
from campaigns.loader.insertion import flow, with_touch

FILE = """\
# the tea room
campaign: spring
senders: {email: The Tea Room <hello@tea-room.example>}
stages:
  - stage: first   # one
    kind: awareness
    when: early march
    touches:
      # the invitation
      - id: invitation
        channel: sms
        text: |
          hello
          # no comment

          bye

        # the end of it
      # the next one
      - {id: two, channel: sms,
         text: "x"}   # after

  # a stage
  - stage: second
    kind: loyalty
    when: 1 day later
    touches:
    - id: three
      channel: sms
      text: x
      steps:
      - {id: four, when: 1 day later, text: "y"}
    - id: last
      channel: sms
      text: the end"""


def touch(after: str, text: str = "It is SPRING") -> dict[str, object]:
    return {"id": "fix", "channel": "sms", "corrects": {"touch": after, "version": "12345678"}, "text": text}


def added(after: str, text: str = FILE) -> tuple[str, list[str]]:
    changed, line, length = with_touch(text, after, touch(after))
    lines = changed.split("\n")
    return "\n".join(lines[line - 1 : line - 1 + length]), lines[: line - 1] + lines[line - 1 + length :]


@pytest.mark.parametrize(
    ("after", "order"),
    [
        ("invitation", ["invitation", "fix", "two", "three", "four", "last"]),
        ("two", ["invitation", "two", "fix", "three", "four", "last"]),
        ("three", ["invitation", "two", "three", "four", "fix", "last"]),
        ("four", ["invitation", "two", "three", "four", "fix", "last"]),
        ("last", ["invitation", "two", "three", "four", "last", "fix"]),
    ],
)
def test_it_stands_behind_the_touch_and_nothing_else_changes(after: str, order: list[str]) -> None:
    changed, _, _ = with_touch(FILE, after, touch(after))
    block, others = added(after)

    assert [one.id for _, one in loader.load(changed).touches()] == order
    assert "\n".join(others).rstrip("\n") == FILE
    assert [line.strip() for line in block.split("\n")] == [
        "- id: fix",
        "channel: sms",
        f'corrects: {{touch: {after}, version: "12345678"}}',
        'text: "It is SPRING"',
    ]


def test_comments_of_the_touch_stay_with_it_and_those_of_the_next_with_that() -> None:
    changed, line, length = with_touch(FILE, "invitation", touch("invitation"))
    lines = changed.split("\n")

    assert lines[line - 2] == "        # the end of it"
    assert lines[line - 1 + length] == "      # the next one"


def test_the_lines_end_as_those_of_the_file_do() -> None:
    changed, _, _ = with_touch(FILE.replace("\n", "\r\n"), "two", touch("two"))

    assert changed.replace("\r\n", "\n") == with_touch(FILE, "two", touch("two"))[0]
    assert "\n" not in changed.replace("\r\n", "")


@pytest.mark.parametrize(
    "text",
    [
        "one line",
        "two\nlines\n",
        "two\nlines",
        "  indented\nlines\n",
        "a: colon # and a hash",
        "{{ contact.first_name }}, 'it' is \"so\"",
        "yes",
        "no",
        "0123",
        "tab\there\nand there\n",
        "# a hash\n- a dash\n\n  deeper\n",
        "\u00a0a hard space, a smile \U0001f600 and \u2028",
        "",
    ],
)
def test_what_it_says_is_read_back_as_it_was_given(text: str) -> None:
    changed, _, _ = with_touch(FILE, "two", touch("two", text))

    found = next(one for _, one in loader.load(changed).touches() if one.id == "fix")
    assert found.text == text


def test_touches_between_brackets_are_left_to_their_author() -> None:
    file = (
        "campaign: a\nstages:\n- {stage: s, kind: awareness, when: easter, touches: [{id: b, channel: sms, text: x}]}\n"
    )

    with pytest.raises(CampaignError, match=r"stand between \[ and \]") as refused:
        with_touch(file, "b", touch("b"))

    assert refused.value.remedy is not None
    assert flow(touch("b")) in refused.value.remedy


def test_a_touch_that_is_not_there_is_refused() -> None:
    with pytest.raises(CampaignError, match="no touch 'nobody'"):
        with_touch(FILE, "nobody", touch("two"))
