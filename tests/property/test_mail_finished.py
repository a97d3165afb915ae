"""For all templates and readers: a mail that leaves its renderer encoded is read as the mail that is encoded later."""

from __future__ import annotations

import re
from email import message_from_bytes, policy

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.mails import a_mail
from support.revisions import job, mail, revision
from support.signatures import by_dkimpy, rsa_pem

from campaigns.rendering import Content, Renderer
from campaigns.rendering.encoding import Encoded, Encoder, Quoted, joined, read_back
from campaigns.rendering.finished import Finished
from scheduler.channels.email import mime, wire
from scheduler.channels.email.dkim import Signer, load_key
from scheduler.rendering import wire as pipe
from scheduler.rendering.shapes import Finisher

NASTY = st.sampled_from(
    [
        "\n",
        "\t",
        " ",
        ".",
        "..",
        "=",
        "=\n",
        " \n",
        "\n.",
        "é",
        "日本語",
        "👩‍👩‍👧",
        "<b>",
        "&",
        '"',
        "--=_",
        "a" * 74,
        "=" * 80,
    ]
)
TEXTS = st.lists(st.one_of(NASTY, st.text(max_size=12)), max_size=12).map("".join)

HTML = """<!doctype html><html><body>
<p>{{ contact.first_name }}, voilà : {{ contact.a }}{{ contact.b }}</p>
<a href="{{ contact.link }}">{{ contact.a }}</a>. <a href="https://shop.example/?q={{ contact.b }}">=</a>
<pre>{{ contact.c }}
.{{ contact.b }}
</pre> {{ contact.a }}
{% if contact.c %}<p>{{ contact.c }}</p>{% endif %}</body></html>"""
TEXT = "{{ contact.first_name }}\n{{ contact.a }} {{ contact.b }}\n{{ contact.c }}"
SHOP = revision(
    mail("page", template="page.html", text=TEXT),
    mail("words", text="{{ contact.a }} and {{ contact.b }}"),
    mail("letter", template="letter.md"),
    templates={"page.html": HTML, "letter.md": "# {{ contact.a }}\n\nTo *{{ contact.first_name }}*: {{ contact.c }}\n"},
)
RENDERER = Renderer(SHOP.campaign, SHOP.templates, folds_after=2, keeps_pieces=True)


def sent(content: Content) -> Content:
    """Return a message as the daemon receives it from its renderer, finished where that is possible."""
    frames: list[bytes] = []
    ready = Finisher(lambda head, pieces: frames.append(pipe.shape(head, pieces))).finish(content)
    frames.append(pipe.answers([ready or content]))
    (arrived,) = pipe.Inbox(1 << 24).take(b"".join(frames))
    (said,) = arrived.said
    assert isinstance(said, Content)
    return said


def rendered(touch: str, **contact: object) -> Content:
    """Return what the folded renderer says; the first two of a touch are the sandbox's."""
    found = SHOP.find(touch)
    assert found is not None
    return RENDERER.render(found[1], job(SHOP, touch, **contact).facts)


def check_lines(body: bytes) -> None:
    """Check what holds of quoted-printable that every server takes as it is."""
    assert body.isascii()
    assert body.endswith(b"\r\n")
    for line in body.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith(b".")
        assert not line.endswith((b" ", b"\t"))
        assert b"\r" not in line
        assert b"\n" not in line
        assert re.fullmatch(rb"(?:[\t -<>-~]|=[0-9A-F]{2})*=?", line), line


@given(st.lists(TEXTS, min_size=1, max_size=6), st.data())
@example(["a" * 20, "a" * 80, ""], None)
@example([".", ".", "."], None)
def test_values_between_fixed_texts_are_read_back(fixed: list[str], data: st.DataObject | None) -> None:
    values = [data.draw(TEXTS) if data is not None else ".x" * 40 for _ in fixed[1:]]
    try:
        quoted = Quoted(fixed)
    except ValueError:
        return

    made = quoted.values(values)

    if made is None:
        return
    body = joined(quoted.between, made)
    assert body is not None
    check_lines(body.replace(b"\n", b"\r\n"))
    meant = "".join(text + value for text, value in zip(fixed, [*values, ""], strict=True))
    assert read_back(Encoded("quoted-printable", body)) == meant + "\n" * quoted.is_closed


def test_letters_and_signs_of_every_day_are_no_reason_to_encode_a_mail_later() -> None:
    quoted = Quoted(["<p>Voilà, ", "</p>\n<p>", "</p>"])

    made = quoted.values(["Léa = ♥", "x" * 75 + ".\n. \nb"])

    assert made == b"L=C3=A9a =3D =E2=99=A5\0=\n" + b"x" * 73 + b"=\nxx.\n=2E=20\nb"


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["page", "words", "letter"]), TEXTS, TEXTS, TEXTS, TEXTS)
@example("page", "", ".", "", ".")
@example("letter", "ά" * 90, "ж" * 200, "日" * 50, "")
def test_finished_mail_says_what_the_mail_that_is_encoded_later_says(
    touch: str, name: str, a: str, b: str, c: str
) -> None:
    for _ in range(3):
        rendered(touch, first_name="Zoë", a="1", b="2", c="3", link="https://shop.example/")
    content = rendered(touch, first_name=name, a=f"-{a}", b=b, c=c, link="https://shop.example/" + "x" * len(b))

    there = sent(content)

    assert (there.subject, there.text, there.html, there.preheader) == (
        content.subject,
        content.text,
        content.html,
        content.preheader,
    )
    assert there.hash == content.hash
    finished, later = mime.build(a_mail(content=there)), mime.build(a_mail(content=content))
    assert wire.travelling(finished) == wire.stuffed(finished.data)
    one, other = (message_from_bytes(mail.data, policy=policy.default) for mail in (finished, later))
    assert one.items() == other.items()
    assert not [part.defects for part in one.walk() if part.defects]
    for part, same in zip(one.walk(), other.walk(), strict=True):
        assert part.get_content_type() == same.get_content_type()
        assert part.get_payload(decode=True) == same.get_payload(decode=True)


def test_value_that_would_make_its_line_longer_than_76_begins_a_new_one() -> None:
    quoted = Quoted(["a" * 20, "b\n"])

    assert quoted.values(["x" * 55]) == b"x" * 55
    assert quoted.values(["x" * 56]) == b"=\n" + b"x" * 56


def test_mail_of_a_known_shape_leaves_finished() -> None:
    for number in range(4):
        content = rendered("page", first_name=f"Léa {number}", a="1", b="é", c="\t.", link="https://shop.example/")

    there = sent(content)

    assert isinstance(there, Finished)
    assert mime.build(a_mail(content=there)).is_even
    assert there.html is not None
    assert "<p>Léa 3, voilà : 1é</p>" in there.html
    assert there.html_part is not None
    check_lines(there.html_part.body)


def test_signature_of_a_finished_mail_holds() -> None:
    for _ in range(4):
        content = rendered("page", first_name="Léa", a="1", b="é", c=".", link="https://shop.example/")
    mail_of_hers = mime.build(a_mail(content=sent(content)))
    signer = Signer("biksouv.example", [load_key("c2027", rsa_pem(), "dkim.key")])

    signed = signer.sign(mail_of_hers)

    assert by_dkimpy(wire.travelling(signed), {"c2027._domainkey.biksouv.example": signer.keys[0].record})


@given(TEXTS)
def test_text_is_read_back_from_its_encoding(text: str) -> None:
    meant = text.replace("\r\n", "\n").replace("\r", "\n")

    assert read_back(Encoder().encoded(text)) == (meant if meant.endswith("\n") else meant + "\n")
