from pathlib import Path

import pytest
from support.daemon import mail_server
from support.terminal import Shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch)


def test_a_test_message_is_marked_and_the_schedule_knows_nothing_of_it(shop: Shop) -> None:
    with mail_server() as (url, mailbox):
        text = shop.done("send", "welcome", "--to", "me@example.org", "--test", CAMPAIGN_SMTP_URL=url)

    (message,) = mailbox.messages()
    assert text == "sent  shop/welcome to me@example.org, marked [TEST]\n"
    assert mailbox.recipients() == ["me@example.org"]
    assert message["Subject"] == "[TEST] Hello Léa"
    assert not (shop.folder / "var").exists()


def test_the_answer_for_a_program_names_the_message(shop: Shop) -> None:
    with mail_server() as (url, mailbox):
        answer = shop.json("send", "welcome", "--to", "me@example.org", "--test", CAMPAIGN_SMTP_URL=url)

    assert answer["sent"] == "welcome"
    assert answer["provider_id"] == mailbox.messages()[0]["Message-ID"]


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("welcome", "--to", "me@example.org"), 64, "a message by hand is always a test: add --test"),
        (("welcome", "--to", "me", "--test"), 64, "“me” is not an e-mail address"),
        (("shop.yaml", "--to", "me@example.org", "--test"), 64, "is a whole campaign: name one of its touches"),
        (("post", "--to", "me@example.org", "--test"), 1, "'post' goes by instagram, to no address"),
        (("welcom", "--to", "me@example.org", "--test"), 1, "did you mean 'welcome'?"),
        (("welcome", "--to", "me@example.org", "--test"), 1, "email has no account here"),
        (("welcome", "--to", "me@example.org", "--test", "--persona", "leo"), 1, "did you mean 'lea'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_sent_says_why(shop: Shop, args: tuple[str, ...], code: int, message: str) -> None:
    result = shop.run("send", *args)

    assert result.exit_code == code
    assert message in result.stderr


def test_without_anybody_to_render_it_for_the_remedy_names_the_options(shop: Shop) -> None:
    text = (shop.folder / "shop.yaml").read_text(encoding="utf-8")
    start, end = text.index("personas:"), text.index("stages:")
    shop.write("shop.yaml", text[:start] + text[end:])

    result = shop.run("send", "welcome", "--to", "me@example.org", "--test")

    assert result.exit_code == 1
    assert "it needs a reader: --contact WHO, or a persona in the file" in result.stderr
