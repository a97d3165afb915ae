"""Where things are: mail and web addresses, paths of the project, senders of SMS, countries; checked, not visited."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from campaigns.definition.values import TEXT_SCHEMA, UnreadableError, shown, text
from campaigns.definition.vocabulary import COUNTRIES


def _mailbox(value: object) -> str:
    """Check `Name <address>` or an address; the text is kept as written."""
    from email_validator import EmailNotValidError, validate_email

    written = text(value).strip()
    match = re.fullmatch(r"([^<>]*)<([^<>]+)>", written)
    address = match[2].strip() if match else written
    if any(not character.isprintable() for character in written):
        raise UnreadableError(
            "expected a name and an address on one line", remedy="write it as: Shop <hello@shop.example>"
        )
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        raise UnreadableError(
            f"expected an e-mail address, got {shown(value)}", remedy="write it as: Shop <hello@shop.example>"
        ) from None
    return written


def _unsubscribe(value: object) -> str:
    written = text(value).strip()
    if written.startswith("mailto:"):
        address, _, query = written.removeprefix("mailto:").partition("?")
        _mailbox(address)
        if "<" in address or not query.isprintable():  # a name, a line break: mail programs would not understand it
            raise UnreadableError(
                f"expected an address alone after mailto:, got {shown(value)}",
                remedy="write it as mailto:stop@shop.example?subject=stop",
            )
        return written
    if not _HTTPS.match(written):
        raise UnreadableError(
            f"expected an address that starts with mailto: or https://, got {shown(value)}",
            remedy="write it as mailto:stop@shop.example or https://shop.example/stop",
        )
    return written


_HTTPS = re.compile(r"https://[^\s/:@?#]+(:\d{1,5})?([/?#]\S*)?\Z")


def _https(value: object, remedy: str = "write it as https://shop.example/path") -> str:
    written = text(value).strip()
    if not _HTTPS.match(written):
        raise UnreadableError(f"expected an address that starts with https://, got {shown(value)}", remedy=remedy)
    return written


def _path(value: object) -> str:
    """Check a path inside the project: relative, with slashes, never upwards."""
    written = text(value).strip()
    parts = written.split("/")
    if written.startswith(("/", "~")) or re.match(r"[A-Za-z]:", written) or "\\" in written or ".." in parts:
        raise UnreadableError(
            f"expected a path inside the project, got {shown(value)}",
            remedy="copy the file into the project and write its path from there, such as media/ring.jpg",
        )
    if not parts[-1] or any(not character.isprintable() for character in written):
        raise UnreadableError(f"expected the path of a file, got {shown(value)}", remedy="write it as media/ring.jpg")
    return written


def _file(value: object) -> str:
    written = text(value).strip()
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", written):
        return _https(written, remedy="write a path inside the project, or an address that starts with https://")
    return _path(written)


def _sms_sender(value: object) -> str:
    """Check an SMS sender: an international number, a short code, or 1 to 11 letters and digits (GSM 03.38)."""
    written = text(value).strip()
    if not re.fullmatch(r"\+\d[\d ]{6,18}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}", written):
        raise UnreadableError(
            f"expected a phone number with its country or a name of at most 11 letters, got {shown(value)}",
            remedy="write it as +33612345678 or BIKSOUV",
        )
    return written


def _country(value: object) -> str:
    written = text(value)
    if written not in COUNTRIES:
        upper = {"UK": "GB", "EN": "GB", "EL": "GR"}.get(written.strip().upper(), written.strip().upper())
        remedy = f"did you mean '{upper}'?" if upper in COUNTRIES else "write its two letters, such as FR, RO or GB"
        raise UnreadableError(f"expected a country of two capital letters, got {shown(value)}", remedy=remedy)
    return written


Mailbox = Annotated[str, BeforeValidator(_mailbox), WithJsonSchema({"type": "string"})]
Unsubscribe = Annotated[str, BeforeValidator(_unsubscribe), WithJsonSchema({"type": "string"})]
Https = Annotated[str, BeforeValidator(_https), WithJsonSchema({"type": "string", "pattern": "^https://"})]
ProjectPath = Annotated[str, BeforeValidator(_path), WithJsonSchema({"type": "string"})]
MediaFile = Annotated[str, BeforeValidator(_file), WithJsonSchema({"type": "string"})]
SmsSender = Annotated[str, BeforeValidator(_sms_sender), TEXT_SCHEMA]
Country = Annotated[str, BeforeValidator(_country), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"})]
