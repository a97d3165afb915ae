"""Names of hosts in settings: people write them in their letters, everything that compares them sees A-labels."""

from __future__ import annotations


def in_ascii(host: str) -> str:
    """Return a host in A-labels (IDNA 2008, UTS 46): `xn--mller-kva.example`; what is ASCII stays as it is.

    Raises: ValueError for what is no name of a host; its text does not hold the name.
    """
    if host.isascii():
        return host
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(
            f"a@{host}", check_deliverability=False, globally_deliverable=False, test_environment=True
        ).ascii_domain
    except EmailNotValidError:
        raise ValueError("expected a host whose letters a domain can have") from None
