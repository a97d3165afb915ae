"""`campaign lint` on mails: each broken file with what is said about it and where, and the same file mended."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.linted import PREHEADER, SUBJECT, TEMPLATE, WORDS, lint, stand_in

from campaigns.lint import rules
from campaigns.lint.rules import MAIL_RULES

HTML = "        template: mail.html\n"


@dataclass(frozen=True)
class Case:
    """A broken touch (or template), what is said of it, and the same without the mistake."""

    code: str
    at: str  # file and line
    says: str
    touch: str = SUBJECT + PREHEADER + TEMPLATE
    files: dict[str, str] = field(default_factory=dict)
    good_touch: str = SUBJECT + PREHEADER + TEMPLATE
    good_files: dict[str, str] = field(default_factory=dict)


FOOTER = "<p>{{ mail.words.because }}</p>\n"
FOOTER_LINES = "{{ mail.words.because }}\n"

CASES = [
    Case(
        "way-out-shown",
        "shop.yaml:18",
        "mail: no way to unsubscribe in the text and the HTML",
        files={
            "layouts/footer.html": FOOTER + "<p>{{ mail.address }}</p>\n",
            "layouts/footer.txt": FOOTER_LINES + "{{ mail.address }}\n",
        },
    ),
    Case(
        "address-shown",
        "shop.yaml:18",
        "mail: no postal address in the text and the HTML",
        files={
            "layouts/footer.html": FOOTER + '<p><a href="{{ mail.unsubscribe }}">Stop</a></p>\n',
            "layouts/footer.txt": FOOTER_LINES + "{{ mail.unsubscribe }}\n",
        },
    ),
    Case(
        "link-scheme",
        "mail.html:3",
        "mail: a picture begins with data:",
        touch=SUBJECT + PREHEADER + HTML,
        files={"mail.html": f'<p>{WORDS}</p>\n<p><img src="data:image/png;base64,AAAA" alt="Rings"></p>\n'},
        good_touch=SUBJECT + PREHEADER + HTML,
        good_files={"mail.html": f'<p>{WORDS}</p>\n<p><img src="https://shop.example/r.png" alt="Rings"></p>\n'},
    ),
    Case(
        "link-personal-data",
        "mail.md:3",
        "mail: the link to https://shop.example/rings bears the reader's mail address",
        files={"mail.md": WORDS + "\n[See them](https://shop.example/rings?who={{ contact.email | urlencode }})\n"},
    ),
    Case(
        "link-bare-ip",
        "mail.md:3",
        "mail: a link leads to 192.0.2.7, a host without a name",
        files={"mail.md": WORDS + "\n[See the rings](http://192.0.2.7/rings)\n"},
    ),
    Case(
        "link-shortener",
        "mail.md:3",
        "mail: a link goes through the shortener bit.ly",
        files={"mail.md": WORDS + "\n[See the rings](https://bit.ly/3xYz)\n"},
    ),
    Case(
        "subject-shouts",
        "shop.yaml:20",
        "the subject of mail shouts: 3 exclamation marks, expected at most 1",
        touch="        subject: The new rings are here!!!\n" + PREHEADER + TEMPLATE,
    ),
    Case(
        "image-only",
        "mail.md:1",
        "mail has 15 characters of text beside one picture, expected at least 100",
        files={"mail.md": "![All our rings](https://shop.example/rings.png)\n\nHello!\n"},
        good_files={"mail.md": "![All our rings](https://shop.example/rings.png)\n\n" + WORDS},
    ),
    Case(
        "image-alt",
        "mail.html:3",
        "mail: the picture 'https://shop.example/rings.png' has no `alt`",
        touch=SUBJECT + PREHEADER + HTML,
        files={"mail.html": f'<p>{WORDS}</p>\n<p><img src="https://shop.example/rings.png" width="300"></p>\n'},
        good_touch=SUBJECT + PREHEADER + HTML,
        good_files={"mail.html": f'<p>{WORDS}</p>\n<p><img src="https://shop.example/rings.png" alt="Rings"></p>\n'},
    ),
    Case(
        "text-part",
        "mail.txt:1",
        "the text part of mail has 24 words, the HTML 116; expected at least a quarter",
        touch=SUBJECT + PREHEADER + HTML,
        files={"mail.html": f"<p>{WORDS * 5}</p>\n", "mail.txt": "See the HTML.\n"},
        good_touch=SUBJECT + PREHEADER + HTML,
        good_files={"mail.html": f"<p>{WORDS * 5}</p>\n"},
    ),
    Case(
        "contrast",
        "mail.html:3",
        "mail: 'Only today' is #bbbbbb on #ffffff, 1.9 to 1; expected at least 4.5 to 1",
        touch=SUBJECT + PREHEADER + HTML,
        files={"mail.html": f'<p>{WORDS}</p>\n<p style="color: #bbb">Only today</p>\n'},
        good_touch=SUBJECT + PREHEADER + HTML,
        good_files={"mail.html": f'<p>{WORDS}</p>\n<p style="color: #595959; background-color: #fff">Only today</p>\n'},
    ),
    Case(
        "mail-size",
        "mail.md:1",
        "mail has 130 KB of HTML for lea; Gmail clips what is over 102 KB",
        files={"mail.md": (WORDS + "\n") * 1000},
        good_files={"mail.md": (WORDS + "\n") * 600},
    ),
    Case(
        "subject-long",
        "shop.yaml:20",
        "the subject of mail has 80 characters for lea, expected at most 70",
        touch="        subject: " + "Léa, the new rings " * 4 + "here\n" + PREHEADER + TEMPLATE,
    ),
    Case(
        "preheader",
        "shop.yaml:20",
        "mail has no preheader; the inbox shows how the mail begins",
        touch=SUBJECT + TEMPLATE,
    ),
    Case(
        "link-words",
        "mail.md:3",
        "mail: the link 'Click here' does not say where it leads",
        files={"mail.md": WORDS + "\nTo see the rings: [Click here](https://shop.example/rings)\n"},
        good_files={"mail.md": WORDS + "\n[See the rings](https://shop.example/rings)\n"},
    ),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    return stand_in(tmp_path, monkeypatch)


every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)


@every_case
def test_broken_mail_is_told_with_its_line_its_measure_and_the_remedy(folder: Path, case: Case) -> None:
    [finding] = [one for one in lint(folder, case.touch, case.files) if one["code"] == case.code]

    assert finding["message"] == case.says
    assert f"{finding['file']}:{finding['line']}" == case.at
    assert finding["hint"]


@every_case
def test_mended_mail_is_left_alone(folder: Path, case: Case) -> None:
    found = lint(folder, case.good_touch, case.good_files)

    assert [one for one in found if one["level"] != "note" or one["code"] == case.code] == []


def test_every_rule_about_mails_has_its_file_and_its_case() -> None:
    there = {path.stem.replace("_", "-") for path in Path(rules.__file__).parent.glob("[a-z]*.py")}

    assert [rule.code for rule in MAIL_RULES] == [case.code for case in CASES]
    assert {rule.code for rule in MAIL_RULES} < there


def test_every_rule_about_mails_is_in_the_manual_with_its_level() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "mails.md").read_text("utf-8")

    assert [rule.code for rule in MAIL_RULES if f"| `{rule.code}` | {rule.level.value} |" not in manual] == []


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        (
            "THE NEW RINGS are here",
            "the subject of mail shouts: 61 % of it are words of capitals, expected at most 50 %",
        ),
        ("НОВЫЕ КОЛЬЦА", "the subject of mail shouts: 100 % of it are words of capitals, expected at most 50 %"),
    ],
)
def test_capitals_shout_in_any_alphabet(folder: Path, subject: str, says: str) -> None:
    found = lint(folder, f"        subject: {subject}\n" + PREHEADER + TEMPLATE, {})

    assert [one["message"] for one in found if one["code"] == "subject-shouts"] == [says]


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/?p=lea%40example.org",
        "https://shop.example/LEA@EXAMPLE.ORG/rings",
        "https://shop.example/?p=lea%2540example.org",
        "https://shop.example/?tel=%2B44%207700%20900123",
    ],
)
def test_mailbox_or_number_in_a_link_is_found_however_it_is_written(folder: Path, url: str) -> None:
    found = lint(folder, SUBJECT + PREHEADER + TEMPLATE, {"mail.md": f"{WORDS}\n[See the rings]({url})\n"})

    assert [one["code"] for one in found if one["level"] == "warning"] == ["link-personal-data"]


@pytest.mark.parametrize("host", ["3221225985", "0xC0000207", "127.1", "[2001:db8::1]"])
def test_host_of_numbers_is_found_however_it_is_written(folder: Path, host: str) -> None:
    found = lint(folder, SUBJECT + PREHEADER + TEMPLATE, {"mail.md": f"{WORDS}\n[See the rings](http://{host}/)\n"})

    assert [one["code"] for one in found if one["level"] == "warning"] == ["link-bare-ip"]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("<img src='DATA:image/png;base64,AAAA' alt='Rings'>", "link-scheme"),
        ("<a href='JavaScript:x()'>See the rings</a>", "template-link"),
        ('<a href="data:text/html,x">See the rings</a>', "template-link"),
        ("[See the rings](vbscript:x)", "template-link"),
    ],
)
def test_script_or_data_is_one_error_that_cannot_be_switched_off(folder: Path, written: str, code: str) -> None:
    touch = SUBJECT + PREHEADER + TEMPLATE + "disable: {link-scheme: we know, template-link: we know}\n"

    found = lint(folder, touch, {"mail.md": WORDS + "\n" + written + "\n"})

    assert [(one["code"], one["line"]) for one in found if one["level"] == "error"] == [(code, 3)]


def test_size_is_measured_for_the_longest_of_the_people(folder: Path) -> None:
    people = "first_name,email,story,consent\nLéa,lea@example.org,short,marketing\n"
    (folder / "people.csv").write_text(people + f"Zoé,zoe@example.org,{'a long story ' * 30},marketing\n", "utf-8")
    body = "{% for _ in range(300) %}{{ contact.story | default('') }}{% endfor %} " + WORDS

    found = lint(folder, SUBJECT + PREHEADER + TEMPLATE, {"mail.md": body}, "--contacts", "people.csv")

    [size] = [one for one in found if one["code"] == "mail-size"]
    assert size["message"] == "mail has 118 KB of HTML for zoe@example.org; Gmail clips what is over 102 KB"


def test_mail_that_nobody_can_be_shown_is_a_note_with_the_reason(folder: Path) -> None:
    touch = SUBJECT + PREHEADER + TEMPLATE + "        on: purchase\n"

    found = lint(folder, touch, {"mail.md": WORDS + "You bought {{ event.product }}.\n"})

    [note] = [one for one in found if one["code"] == "mail-not-read"]
    assert note["message"] == "mail could not be looked at as a mail: unknown name 'event.product'"
    assert (note["file"], note["line"], note["level"]) == ("mail.md", 2, "note")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("![A ring](media/ring.jpg)", "a picture ('A ring') has no web address: 'media/ring.jpg'"),
        ("![A ring](//shop.example/ring.jpg)", "a picture ('A ring') has no web address: '//shop.example/ring.jpg'"),
        ("![A ring](cid:ring)", "a picture ('A ring') has no web address: 'cid:ring'"),
        (
            "See [our rings](www.shop.example/rings)",
            "a link ('our rings') has no web address: 'www.shop.example/rings'",
        ),
        ("See [our rings](shop.example:443/)", "a link ('our rings') has no web address: 'shop.example:443/'"),
        ("See [our rings](/rings)", "a link ('our rings') has no web address: '/rings'"),
        ("See [our rings]()", "a link ('our rings') has no address"),
        ("See [our rings](#)", "a link ('our rings') has no web address: '#'"),
        ("See [our rings](https:///rings)", "a link ('our rings') has no web address: 'https:///rings'"),
    ],
)
def test_picture_or_link_without_a_web_address_is_an_error(folder: Path, written: str, says: str) -> None:
    found = lint(folder, SUBJECT + PREHEADER + TEMPLATE, {"mail.md": f"{WORDS}\nWe have /rings.\n\n{written}\n"})

    assert [one["message"] for one in found if one["level"] == "error"] == [f"mail: {says}"]
    assert [one["line"] for one in found if one["level"] == "error"] == [5]


@pytest.mark.parametrize(
    "target",
    [
        "https://shop.example",
        "HTTP://shop.example/a_(b)?c=d",
        "mailto:hello@shop.example",
        "tel:+447700900123",
        "sms:+447700900123",
        "whatsapp://send?text=hi",
        "#rings",
    ],
)
def test_link_that_leads_somewhere_from_a_mailbox_is_left_alone(folder: Path, target: str) -> None:
    found = lint(folder, SUBJECT + PREHEADER + TEMPLATE, {"mail.md": f"{WORDS}\nSee [our rings](<{target}>).\n"})

    assert [one["message"] for one in found if one["level"] == "error"] == []


OWN_CARD = '{% extends "layouts/base.html" %}\n{% block styles %}\n.card { background: #1f2430; }\n{% endblock %}\n'


def test_paper_that_stands_last_is_the_one_behind_the_words(folder: Path) -> None:
    touch = SUBJECT + PREHEADER + TEMPLATE + "        layout: card\n"

    found = lint(folder, touch, {"templates/layouts/card.html": OWN_CARD, "templates/mail.md": WORDS})

    [faint] = [one["message"] for one in found if one["code"] == "contrast"]
    assert faint == "mail: 'Hello Léa, the new rings are h' is #1f2430 on #1f2430, 1.0 to 1; expected at least 4.5 to 1"


@pytest.mark.parametrize(
    ("written", "colours"),
    [
        ('<p style="color:#333333">Only today</p>', ["#333333 on #191c23 by night, 1.3 to 1"]),
        ('<table><tr><td bgcolor="#FFF7ED">Only today</td></tr></table>', ["#e6e8ee on #fff7ed by night, 1.2 to 1"]),
        ('<p style="background:#fff7ed">Only today</p>', ["#e6e8ee on #fff7ed by night, 1.2 to 1"]),
        (
            '<div style="background:#fff7ed;color:#222"><h2>Only today</h2></div>',
            ["#ffffff on #fff7ed by night, 1.1 to 1"],
        ),
        ('<p style="background:#fff7ed;color:#222222">Only today</p>', []),
        ('<div style="background:#fff7ed;color:#222"><h2 style="color:#222!important">Only today</h2></div>', []),
        ('<p style="color:#808080;font-size:24px">Only today</p>', []),
        ('<p class="hint">Only today</p>', []),
    ],
)
def test_words_that_are_read_by_day_alone_are_told(folder: Path, written: str, colours: list[str]) -> None:
    look = ".hint { color: #333333; }\n@media (prefers-color-scheme: dark) { .words > .hint { color: #eee !important; } }\n"
    files = {"templates/layouts/look.css": look, "templates/mail.md": f"{WORDS}\n{written}\n"}

    found = lint(folder, SUBJECT + PREHEADER + TEMPLATE, files)

    said = [one["message"].partition(";")[0] for one in found if one["code"] == "contrast"]
    assert said == [f"mail: 'Only today' is {one}" for one in colours]
