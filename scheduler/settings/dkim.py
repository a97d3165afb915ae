"""The settings of signing: which domain, which keys; nothing is signed here."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator


class Dkim(BaseModel):
    """Which domain signs the mails, by which keys (PEM), each under a selector of its own.

    A selector without its key is one that the mail server signs with; nothing but `campaign doctor` looks at it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    domain: str
    selector: str | None = None
    key: SecretStr | None = None
    second_selector: str | None = None
    second_key: SecretStr | None = None

    @model_validator(mode="after")
    def _has_selectors(self) -> Self:
        if self.selector is None:
            raise ValueError("expected a selector, e.g. 'c2027'")
        if self.second_key is not None and self.second_selector is None:
            raise ValueError("expected a second_selector for the second_key")
        return self
