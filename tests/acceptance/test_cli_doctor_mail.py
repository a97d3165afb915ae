"""What `campaign doctor` says of mail, on the screen and for machines, with a mail server and a name server on loopback."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.daemon import mail_server
from support.name_server import name_server, txt
from support.signatures import ed25519_pem, rsa_pem
from support.terminal import Shop, screen

ED25519 = "v=DKIM1; k=ed25519; p=A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
GOOD = {
    "shop.example": [txt("v=spf1 include:_spf.relay.example -all"), "MX 10 mx.shop.example."],
    "_spf.relay.example": [txt("v=spf1 ip4:192.0.2.0/24 ~all")],
    "e1._domainkey.shop.example": [txt(ED25519)],
    "s1._domainkey.shop.example": [txt("v=DKIM1; p=" + "A" * 392)],
    "_dmarc.shop.example": [txt("v=DMARC1; p=reject; rua=mailto:dmarc@shop.example")],
}
BAD = {
    "shop.example": [txt("v=spf1 include:gone.example -all")],
    "e1._domainkey.shop.example": [txt(ED25519.replace("A6EH", "B6EH"))],
}
DKIM = """
[dkim]
domain = "shop.example"
selector = "s1"
second_selector = "e1"
second_key_file = "keys/ed25519.pem"
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    shop = Shop.example(tmp_path, monkeypatch)
    shop.write("campaign.toml", DKIM)
    shop.write("keys/ed25519.pem", ed25519_pem()).chmod(0o600)
    return shop


def look(shop: Shop, zone: dict[str, list[str]], *options: str, **env: str) -> tuple[int, str]:
    """Run the doctor in that world; return its exit code and what it says from the mail server on."""
    with mail_server() as (url, _), name_server(zone) as nameserver:
        result = shop.run("doctor", *options, CAMPAIGN_SMTP_URL=url, CAMPAIGN_NAMESERVER=nameserver, **env)
    text = result.stdout.replace(url.removeprefix("smtp://"), "127.0.0.1:25")
    return result.exit_code, text if options else text[text.index("mail  ") - 2 :]


def test_a_domain_that_is_in_order(shop: Shop) -> None:
    code, text = look(shop, GOOD)

    assert text == screen("doctor-mail", text)
    assert code == 0


def test_a_domain_that_nobody_will_believe(shop: Shop) -> None:
    code, text = look(shop, BAD)

    assert text == screen("doctor-mail-broken", text)
    assert code == 1
    assert all(len(line) <= 88 for line in text.splitlines() if "TXT" not in line)


def test_machines_are_told_the_same(shop: Shop) -> None:
    _, text = look(shop, BAD, "--json")

    found = [check for check in json.loads(text)["checks"] if check["name"] == "dkim"]
    assert found == [
        {"name": "dkim", "level": "error", "message": "s1._domainkey.shop.example: no record",
         "hint": "publish what your mail provider names for this selector"},
        {"name": "dkim", "level": "error", "message": "e1._domainkey.shop.example: it is not the key that we sign with",
         "hint": f'publish e1._domainkey.shop.example TXT "{ED25519[:60]}" "{ED25519[60:]}"'},
    ]  # fmt: skip


def test_the_record_of_a_long_key_is_said_in_pieces_that_fit_the_screen(shop: Shop) -> None:
    shop.write("campaign.toml", DKIM + 'key_file = "keys/rsa.pem"\n')
    shop.write("keys/rsa.pem", rsa_pem()).chmod(0o600)

    _, text = look(shop, BAD, "--plain")

    hint = next(row for row in text.splitlines() if "s1._domainkey" in row).split("\t")[3]
    strings = re.findall(r'"([^"]*)"', hint)
    assert max(map(len, strings)) == 60
    assert re.fullmatch(r"v=DKIM1; k=rsa; p=MIIBIjANBgkq[A-Za-z0-9+/]{370,390}={0,2}", "".join(strings))


def test_without_a_network_the_rest_is_still_said(shop: Shop) -> None:
    with mail_server() as (url, _), name_server(GOOD, failing=frozenset(GOOD)) as nameserver:
        result = shop.run("doctor", CAMPAIGN_SMTP_URL=url, CAMPAIGN_NAMESERVER=nameserver)

    assert result.exit_code == 0
    assert "! spf        cannot look up shop.example: " in result.stdout
    assert "takes our log-in" in result.stdout


def test_a_key_that_cannot_be_read_is_a_failed_check_and_not_shown(shop: Shop) -> None:
    shop.write("keys/ed25519.pem", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")

    code, text = look(shop, GOOD)

    assert code == 1
    assert "cannot read dkim.second_key: expected a private key in PEM" in text
    assert "c2VjcmV0" not in text


def test_a_key_that_everybody_can_read_is_worth_a_word(shop: Shop) -> None:
    (shop.folder / "keys" / "ed25519.pem").chmod(0o644)

    _, text = look(shop, GOOD)

    assert "named by dkim.second_key_file, can be read by every user of this machine: chmod o-r it" in text


def test_only_ed25519_is_not_enough(shop: Shop) -> None:
    shop.write("campaign.toml", '[dkim]\ndomain = "shop.example"\nselector = "e1"\nkey_file = "keys/ed25519.pem"\n')

    _, text = look(shop, GOOD)

    assert "! dkim       only Ed25519 signs, which some providers cannot verify" in text


def test_without_a_mail_server_and_keys_nothing_is_looked_up(shop: Shop) -> None:
    shop.write("campaign.toml", "")

    with name_server(GOOD) as nameserver:
        result = shop.run("doctor", "--plain", CAMPAIGN_NAMESERVER=nameserver)

    assert {row.split("\t")[1] for row in result.stdout.splitlines()} & {"spf", "dkim", "dmarc", "mx"} == set()
