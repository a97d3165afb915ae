"""A mail that came out of its renderer encoded: nobody has to encode it again, and its texts can still be read."""

from __future__ import annotations

from functools import cached_property

from campaigns.rendering.content import Content
from campaigns.rendering.encoding import Encoded, read_back


class Finished(Content):
    """A mail with its parts as they travel, `text_part` and `html_part`, whose lines end in CRLF.

    `is_closed` says that the last line of the HTML had no end of its own. `hash` is what the renderer found of the
    texts, which are read back when somebody asks for them. A copy with other words has no parts.
    """

    text_part: Encoded | None = None
    html_part: Encoded | None = None
    is_closed: bool = False

    @classmethod
    def of(
        cls,
        subject: str,
        preheader: str,
        media: tuple[tuple[str, str], ...],
        digest: str,
        text: Encoded,
        html: Encoded | None,
        *,
        is_closed: bool,
    ) -> Finished:
        """Return the mail of these parts."""
        made = cls.__new__(cls)
        made.__dict__.update(
            subject=subject,
            preheader=preheader,
            media=media,
            hash=digest,
            text_part=text,
            html_part=html,
            is_closed=is_closed,
        )
        return made

    @cached_property
    def text(self) -> str:
        """The plain part."""
        assert self.text_part is not None
        return read_back(self.text_part)

    @cached_property
    def html(self) -> str | None:
        """The second part."""
        if self.html_part is None:
            return None
        html = read_back(self.html_part)
        return html[:-1] if self.is_closed else html
