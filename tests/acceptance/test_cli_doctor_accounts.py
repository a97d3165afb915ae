"""What `campaign doctor` says of accounts at networks, and of media that those have to fetch, with far ends on loopback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from support.terminal import PICTURE, Shop

SPRING = """\
campaign: spring
language: en
country: FR
timezone: Europe/Paris
media_url: https://127.0.0.1:9/files
accounts: {mastodon: shop}
stages:
  - stage: launch
    kind: awareness
    touches:
      - id: post
        channel: [instagram, mastodon]
        when: 1 march 2027 at 10:00
        text: Today
        media: [{file: ring.jpg, alt: A ring}]
"""
NOW = "2027-01-20T09:00+01:00"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop(tmp_path, monkeypatch)
    made.write("spring.yaml", SPRING)
    shutil.copy(PICTURE, tmp_path / "ring.jpg")
    return made


def doctor(shop: Shop, *names: str, **env: str) -> list[list[str]]:
    """Return what the doctor says under these names: sign, name, words, remedy."""
    result = shop.run("doctor", "--plain", now=NOW, **env)
    assert "canary" not in result.output
    return [row for row in (line.split("\t") for line in result.stdout.splitlines()) if row[1] in names]


def mastodon(server: HTTPServer) -> dict[str, str]:
    return {
        "CAMPAIGN_ACCOUNTS__MASTODON_SHOP__TOKEN": "canary",
        "CAMPAIGN_ACCOUNTS__MASTODON_SHOP__ENDPOINT": server.url_for("/").rstrip("/"),
    }


def test_an_account_is_told_with_the_name_it_has_there(shop: Shop, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/v1/accounts/verify_credentials").respond_with_json({"acct": "biksouv"})
    httpserver.expect_request("/api/v1/apps/verify_credentials").respond_with_json({"scopes": ["read", "write"]})

    assert doctor(shop, "account", **mastodon(httpserver)) == [
        ["✓", "account", "mastodon_shop: endpoint, token", ""],
        ["✓", "account", "mastodon_shop: @biksouv", ""],
    ]


def test_a_right_that_is_missing_is_an_error_with_what_to_do(shop: Shop, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/v1/accounts/verify_credentials").respond_with_json({"acct": "biksouv"})
    httpserver.expect_request("/api/v1/apps/verify_credentials").respond_with_json({"scopes": ["read"]})

    said = doctor(shop, "account", **mastodon(httpserver))[1:]

    assert said == [
        [
            "✗",
            "account",
            "mastodon_shop: @biksouv: it lacks write or write:statuses, write or write:media",
            "grant that to the app, and make a new token",
        ]
    ]


def test_a_token_that_is_not_taken_ends_the_doctor_with_an_error(shop: Shop, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/v1/accounts/verify_credentials").respond_with_json({"error": "no"}, status=401)

    said = doctor(shop, "account", **mastodon(httpserver))[1:]
    result = shop.run("doctor", now=NOW, **mastodon(httpserver))

    assert [(row[0], row[2]) for row in said] == [("✗", "mastodon_shop: Mastodon answered 401 (no)")]
    assert said[0][3]
    assert result.exit_code == 1


def test_a_platform_that_is_away_is_no_error_of_the_account(shop: Shop) -> None:
    away = {
        "CAMPAIGN_ACCOUNTS__MASTODON_SHOP__TOKEN": "canary",
        "CAMPAIGN_ACCOUNTS__MASTODON_SHOP__ENDPOINT": "http://127.0.0.1:9",
    }

    [said] = doctor(shop, "account", **away)[1:]

    assert said[:1] + said[2:3] == ["!", "mastodon_shop: Mastodon cannot be reached: no connection"]


def test_x_is_asked_only_when_somebody_pays_for_it(shop: Shop, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/2/users/me").respond_with_json({"data": {"username": "biksouv"}})
    x = {"CAMPAIGN_ACCOUNTS__X__TOKEN": "canary", "CAMPAIGN_ACCOUNTS__X__ENDPOINT": httpserver.url_for("/").rstrip("/")}

    [unasked] = doctor(shop, "account", **x)[1:]
    asked = shop.run("doctor", "--json", "--billed", now=NOW, **x)

    assert unasked == ["✓", "account", "x: not asked, for a look costs money there", "campaign doctor --billed"]
    assert "x: @biksouv" in [check["message"] for check in json.loads(asked.stdout)["checks"]]


def test_when_a_token_ends_is_taken_from_the_platform_where_it_tells(shop: Shop, httpserver: HTTPServer) -> None:
    facebook = {
        "CAMPAIGN_ACCOUNTS__FACEBOOK__TOKEN": "canary",
        "CAMPAIGN_ACCOUNTS__FACEBOOK__TOKEN_EXPIRES": "2027-06-01",
        "CAMPAIGN_ACCOUNTS__FACEBOOK__PAGE": "102030405060708",
        "CAMPAIGN_ACCOUNTS__FACEBOOK__ENDPOINT": httpserver.url_for("/").rstrip("/"),
    }
    httpserver.expect_request("/v26.0/102030405060708").respond_with_json({"name": "BikSouv"})
    httpserver.expect_request("/v26.0/debug_token").respond_with_json(
        {
            "data": {
                "is_valid": True,
                "expires_at": 1_801_440_000,
                "data_access_expires_at": 1_806_600_000,
                "scopes": ["pages_manage_posts", "pages_read_engagement"],
            }
        }
    )

    account, token = doctor(shop, "account", "token", **facebook)[1:]

    assert account[2] == "facebook: BikSouv, reads until Thu 1 Apr 2027"
    assert (token[0], token[2]) == ("!", "facebook: it ends on Mon 1 Feb 2027")


def test_media_that_no_network_could_fetch_are_told_with_file_and_address(shop: Shop) -> None:
    instagram = {
        "CAMPAIGN_ACCOUNTS__INSTAGRAM__TOKEN": "canary",
        "CAMPAIGN_ACCOUNTS__INSTAGRAM__USER": "17841400008460056",
        "CAMPAIGN_ACCOUNTS__INSTAGRAM__ENDPOINT": "http://127.0.0.1:9",
    }

    assert doctor(shop, "media", **instagram) == [
        [
            "✗",
            "media",
            "ring.jpg at https://127.0.0.1:9/files/ring.jpg: 127.0.0.1 leads to 127.0.0.1, an address inside a"
            " private or reserved network",
            "put the file where everybody can fetch it",
        ]
    ]


def test_media_are_not_looked_at_for_networks_that_are_given_them(shop: Shop) -> None:
    away = {
        "CAMPAIGN_ACCOUNTS__MASTODON_SHOP__TOKEN": "canary",
        "CAMPAIGN_ACCOUNTS__MASTODON_SHOP__ENDPOINT": "http://127.0.0.1:9",
    }

    assert doctor(shop, "media", **away) == []


READY = "Bonjour {{ contact.first_name }}, votre {{ contact.pet }} vous attend."
VISIT = f"""\
campaign: visit
language: fr
timezone: Europe/Paris
senders: {{unsubscribe: "mailto:stop@shop.example"}}
personas:
  lea: {{says: Léa, contact: {{first_name: Léa, pet: chien, consent: [marketing]}}}}
stages:
  - stage: back
    kind: loyalty
    touches:
      - {{id: ready, channel: whatsapp, when: 1 march 2027 at 10:00, text: "{READY}"}}
"""
WHATSAPP = {
    "CAMPAIGN_ACCOUNTS__WHATSAPP__TOKEN": "canary",
    "CAMPAIGN_ACCOUNTS__WHATSAPP__PHONE_NUMBER_ID": "106540352242922",
    "CAMPAIGN_ACCOUNTS__WHATSAPP__BUSINESS_ACCOUNT": "102290129340398",
}


def templates(shop: Shop, server: HTTPServer, *listed: dict[str, object]) -> list[list[str]]:
    """Return what the doctor says of templates where the account has these; sign, words and remedy."""
    shop.write("spring.yaml", VISIT)
    server.expect_request("/v26.0/102290129340398/message_templates").respond_with_json({"data": list(listed)})
    endpoint = {"CAMPAIGN_ACCOUNTS__WHATSAPP__ENDPOINT": server.url_for("/").rstrip("/")}
    return [[row[0], *row[2:]] for row in doctor(shop, "template", **WHATSAPP, **endpoint)]


def template(body: str, **more: object) -> dict[str, object]:
    usual: dict[str, object] = {
        "name": "ready",
        "language": "fr",
        "status": "APPROVED",
        "category": "MARKETING",
        "parameter_format": "POSITIONAL",
        "components": [{"type": "BODY", "text": body}],
    }
    return {**usual, **more}


def test_a_message_that_is_an_approved_template_is_well(shop: Shop, httpserver: HTTPServer) -> None:
    said = templates(shop, httpserver, template("Bonjour {{1}}, votre {{2}} vous attend."))

    assert said == [["✓", "spring.yaml: 1 message to WhatsApp by approved templates", ""]]


def test_a_message_that_no_template_is_names_the_nearest(shop: Shop, httpserver: HTTPServer) -> None:
    said = templates(shop, httpserver, template("Bonjour {{1}}, votre chien vous attend bien."))

    assert said == [
        [
            "✗",
            "spring.yaml: ready for lea is none of the 1 template of the account",
            "the nearest is 'ready' (fr), with 1 gap for the 2 here: write it word for word as it was approved",
        ]
    ]


def test_a_template_that_is_not_approved_is_told(shop: Shop, httpserver: HTTPServer) -> None:
    said = templates(shop, httpserver, template("Bonjour {{1}}, votre {{2}} vous attend.", status="REJECTED"))

    assert [row[:2] for row in said] == [
        ["✗", "spring.yaml: ready for lea goes as 'ready' (fr), which is rejected at WhatsApp"]
    ]


def test_a_template_in_another_language_is_told(shop: Shop, httpserver: HTTPServer) -> None:
    said = templates(shop, httpserver, template("Bonjour {{1}}, votre {{2}} vous attend.", language="en_US"))

    assert [row[:2] for row in said] == [
        ["!", "spring.yaml: ready for lea goes as 'ready' (en_US), and the campaign is in fr"]
    ]
