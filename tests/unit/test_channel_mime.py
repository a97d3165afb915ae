"""The bytes of a mail, in literals: headers, what is refused, addresses."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy

import pytest
from support.mails import a_mail

from campaigns.rendering import Content
from scheduler.channels.base import Recipient
from scheduler.channels.email import address, headers, mime
from scheduler.channels.email.address import Mailbox
from scheduler.errors import NoAccount, Refused

PARIS = timezone(timedelta(hours=1))

OFFER = a_mail(
    created_at=datetime(2027, 1, 21, 9, 30, tzinfo=PARIS),
    due_at=datetime(2027, 1, 21, 9, 30, tzinfo=PARIS),
    content=Content("Offre", "Bonjour\n"),
    sender="BikSouv & Pro <bonjour@biksouv.example>",
    unsubscribe="mailto:stop@biksouv.example?subject=stop",
)


def written(**changes: object) -> str:
    return mime.build(dataclasses.replace(OFFER, **changes)).data.decode()  # type: ignore[arg-type]


def test_a_plain_marketing_mail_to_the_letter() -> None:
    assert written() == (
        "Date: Thu, 21 Jan 2027 08:30:00 +0000\r\n"
        "From: BikSouv & Pro <bonjour@biksouv.example>\r\n"
        "To: =?utf-8?q?L=C3=A9a_Martin?= <lea@example.org>\r\n"
        "Subject: Offre\r\n"
        "Message-ID: <0a1b2c@biksouv.example>\r\n"
        "List-Unsubscribe: <mailto:stop@biksouv.example?subject=stop>\r\n"
        "List-ID: <valentines.biksouv.example>\r\n"
        "Feedback-ID: valentines:offer-email:marketing:da7d2d5a4e40\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        "Bonjour\r\n"
    )


def test_a_mail_that_follows_another_names_it_for_the_thread() -> None:
    text = written(answers="<1f2e3d@biksouv.example>")

    assert "In-Reply-To: <1f2e3d@biksouv.example>\r\nReferences: <1f2e3d@biksouv.example>\r\n" in text
    assert "In-Reply-To" not in written()


def test_one_click_is_promised_only_where_a_link_keeps_it() -> None:
    by_link = written(unsubscribe="https://biksouv.example/u/t0ken")

    assert "List-Unsubscribe: <https://biksouv.example/u/t0ken>\r\n" in by_link
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in by_link
    assert "List-Unsubscribe-Post" not in written()


def test_a_link_and_an_address_to_leave_stand_on_lines_of_their_own() -> None:
    text = written(
        unsubscribe="https://biksouv.example/u/" + "t0ken" * 30,
        unsubscribe_mail="mailto:stöp@bücher.example?subject=arrêt svp",
    )

    assert f"List-Unsubscribe: <https://biksouv.example/u/{'t0ken' * 30}>,\r\n" in text
    assert " <mailto:st%C3%B6p@xn--bcher-kva.example?subject=arr%C3%AAt%20svp>\r\n" in text
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in text


def test_the_same_way_out_is_named_once() -> None:
    same = "mailto:stop@biksouv.example"

    assert written(unsubscribe=same, unsubscribe_mail=same).count("mailto:") == 1


def test_a_transactional_mail_is_marked_as_automatic_and_bears_no_list() -> None:
    text = written(purpose="transactional", unsubscribe=None)

    assert "Auto-Submitted: auto-generated\r\n" in text
    assert "List-" not in text


def test_text_comes_first_and_html_last() -> None:
    mail = message_from_bytes(
        written(content=Content("Offre", "Bonjour", "<b>Bonjour</b>")).encode(), policy=policy.default
    )

    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_a_script_of_other_letters_travels_as_base64_and_a_latin_one_stays_readable() -> None:
    assert "Content-Transfer-Encoding: base64" in written(content=Content("Offre", "Скидка на все кольца"))
    assert "Content-Transfer-Encoding: quoted-printable" in written(content=Content("Offre", "L'été à prix d'ami"))


def test_replies_go_where_the_campaign_says() -> None:
    assert "Reply-To: Aide <aide@biksouv.example>\r\n" in written(reply_to="Aide <aide@biksouv.example>")


def test_the_same_message_gives_the_same_bytes() -> None:
    assert written(content=Content("O", "T", "<p>T")) == written(content=Content("O", "T", "<p>T"))


def test_fields_of_the_feedback_id_never_repeat_each_other() -> None:
    assert "Feedback-ID: marketing:marketing-:marketing--:" in written(campaign="marketing", touch="marketing")


def test_the_name_of_a_list_is_one_word() -> None:
    assert "List-ID: <a-b--c.biksouv.example>\r\n" in written(campaign="a b> c")


def test_no_field_of_the_feedback_id_holds_another() -> None:
    assert "Feedback-ID: a-b:c-d:marketing:da7d2d5a4e40\r\n" in written(campaign="a:b", touch="c d")


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"recipient": None}, Refused, "the contact has no mail address"),
        ({"recipient": Recipient(7, "Léa")}, Refused, "the contact has no mail address"),
        ({"recipient": Recipient(7, "Léa", "lea@")}, Refused, "the contact's mail address cannot be used"),
        ({"recipient": Recipient(7, "Léa", "lea@example.org\r\nBcc: eve@evil.example")}, Refused, "cannot be used"),
        ({"recipient": Recipient(7, "Léa", "lea@example.org,eve@evil.example")}, Refused, "cannot be used"),
        ({"content": Content(" \r\n", "Bonjour")}, Refused, "mail has no subject"),
        ({"content": Content("Offre", " \n", "")}, Refused, "mail has no text"),
        ({"key": "a b"}, Refused, "cannot stand in a Message-ID"),
        ({"key": "a@b>\r\nBcc: x"}, Refused, "cannot stand in a Message-ID"),
        ({"unsubscribe": None}, Refused, "marketing mail has no way to unsubscribe"),
        ({"unsubscribe": "http://biksouv.example/u"}, Refused, "expected a mailto: or https: address"),
        ({"unsubscribe": "https://biksouv.example/\r\nBcc: x"}, Refused, "expected a mailto: or https: address"),
        ({"unsubscribe": "https://biksouv.example/" + "x" * 1000}, Refused, "in List-Unsubscribe"),
        ({"reply_to": "nobody"}, Refused, "reply_to: "),
        ({"sender": None}, NoAccount, "campaign valentines has no sender for mail"),
        ({"sender": "BikSouv"}, NoAccount, "cannot read the sender of campaign valentines"),
    ],
)
def test_what_must_not_go_as_a_mail_is_refused(changes: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        written(**changes)

    assert words in str(caught.value)
    assert "lea@" not in str(caught.value)


def test_a_link_keeps_its_meaning_and_loses_what_would_end_it() -> None:
    text = written(unsubscribe="https://biksouv.example/u/é?a=1&b=<2>")

    assert "List-Unsubscribe: <https://biksouv.example/u/%C3%A9?a=1&b=%3C2%3E>\r\n" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bonjour@biksouv.example", Mailbox("bonjour", "biksouv.example")),
        ("BikSouv & Pro <bonjour@biksouv.example>", Mailbox("bonjour", "biksouv.example", "BikSouv & Pro")),
        ("Café, Thé <bonjour@biksouv.example>", Mailbox("bonjour", "biksouv.example", "Café, Thé")),
        ('"Le \\"Bik\\"" <bonjour@biksouv.example>', Mailbox("bonjour", "biksouv.example", 'Le "Bik"')),
        ("Bücher <info@bücher.example>", Mailbox("info", "xn--bcher-kva.example", "Bücher")),
        (" <info@biksouv.example> ", Mailbox("info", "biksouv.example")),
    ],
)
def test_senders_are_read_as_people_write_them(text: str, expected: Mailbox) -> None:
    assert address.parse(text) == expected


@pytest.mark.parametrize("text", ["", "BikSouv", "a@b@c", "BikSouv <a@b.example> x", "a b@x.example", "a@[127.0.0.1]"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[a-z][^<>]*[^.]$"):
        address.parse(text)


def test_a_letter_outside_ascii_before_the_at_needs_more_of_a_server() -> None:
    mail = mime.build(dataclasses.replace(OFFER, recipient=Recipient(7, "Léa", "léa@example.org")))

    assert mail.needs_smtputf8
    assert "To: =?utf-8?q?L=C3=A9a?= <léa@example.org>\r\n" in mail.data.decode()
    assert not mime.build(OFFER).needs_smtputf8
    assert mime.build(dataclasses.replace(OFFER, reply_to="aidé@biksouv.example")).needs_smtputf8
    assert mime.build(dataclasses.replace(OFFER, return_path="retour-é@biksouv.example")).needs_smtputf8


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Lea Martin", "To: Lea Martin <lea@example.org>\r\n"),
        ("Martin, Lea", 'To: "Martin, Lea" <lea@example.org>\r\n'),
        ('Lea "la belle" \\', 'To: "Lea \\"la belle\\" \\\\" <lea@example.org>\r\n'),
        ("Łucja Nowakowska", "To: =?utf-8?q?=C5=81ucja_Nowakowska?= <lea@example.org>\r\n"),
        ("Анна Петрова", "To: =?utf-8?b?0JDQvdC90LAg0J/QtdGC0YDQvtCy0LA=?= <lea@example.org>\r\n"),
        ("Lea\r\nBcc: eve@evil.example", 'To: "Lea Bcc: eve@evil.example" <lea@example.org>\r\n'),
        ("", "To: <lea@example.org>\r\n"),
    ],
)
def test_a_name_is_quoted_or_encoded_as_it_needs(name: str, line: str) -> None:
    assert headers.mailbox_line("To", Mailbox("lea", "example.org", name)) == line


def test_a_long_ascii_subject_is_folded_at_its_spaces() -> None:
    assert headers.text_line(
        "Subject", "one two three four five six seven eight nine ten eleven twelve thirteen x"
    ) == ("Subject: one two three four five six seven eight nine ten eleven twelve\r\n thirteen x\r\n")


def test_no_encoded_word_splits_a_character() -> None:
    line = headers.text_line("Subject", "Кольца и браслеты со скидкой тридцать процентов до четырнадцатого февраля")

    words = [part.strip() for part in line.removeprefix("Subject: ").split("\r\n") if part.strip()]
    read = [
        str(message_from_bytes(f"Subject: {word}\r\n\r\n".encode(), policy=policy.default)["subject"]) for word in words
    ]
    assert [len(word) for word in words] == [64, 72, 72, 28]
    assert read == ["Кольца и браслеты со ", "скидкой тридцать процен", "тов до четырнадцатого фе", "враля"]


def test_what_looks_encoded_is_encoded_so_that_it_stays_what_it_was() -> None:
    line = headers.text_line("Subject", "=?utf-8?q?=41?=")

    assert line == "Subject: =?utf-8?b?PT91dGYtOD9xPz00MT89?=\r\n"
    assert message_from_bytes(f"{line}\r\n".encode(), policy=policy.default)["subject"] == "=?utf-8?q?=41?="


def test_a_value_that_may_not_be_changed_is_refused_instead() -> None:
    with pytest.raises(ValueError, match="expected printable ASCII in List-ID"):
        headers.exact_line("List-ID", "<a>\r\nBcc: x")
