"""Texts as the networks count them: characters, graphemes, bytes, links, tags and mentions."""

from __future__ import annotations

import unicodedata

import regex

SHORT_LINK = 23  # what a link counts as on X and Mastodon, however long it is

_URL = regex.compile(r"https?://[^\s<>\"']+", regex.IGNORECASE)
_TRAILING = ".,;:!?)]}»”’…"
# Names without https:// that X makes links of: a top level of two letters, or one of those below.
_DOMAIN = regex.compile(
    r"(?<![\p{L}\p{N}@/._$#-])(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,62})\.)+"
    r"(?:[a-z]{2}|com|net|org|info|biz|edu|gov|name|mobi|travel|museum|shop|store|online|site|app|dev|blog|news|club|xyz|"
    r"tech|cloud|live|life|world|today|studio|design|agency|beauty|bio|cafe|coffee|email|events|fashion|florist|gallery|"
    r"gift|gifts|health|hotel|jewelry|paris|pet|photo|restaurant|salon|style|tours|vip|wedding|wiki|works)"
    r"(?![\p{L}\p{N}_@-])(?:/[^\s<>\"']*)?",
    regex.IGNORECASE,
)
_HASHTAG = regex.compile(r"(?<![\p{L}\p{M}\p{N}_&/])[#＃](?=[\p{N}_]*[\p{L}\p{M}])[\p{L}\p{M}\p{N}_]+")
_MENTION = regex.compile(r"(?<![\p{L}\p{N}_/.@])[@＠][\p{L}\p{N}_](?:[\p{L}\p{N}_.-]*[\p{L}\p{N}_])?")
_REMOTE = regex.compile(r"(?<![\p{L}\p{N}_/.@])(@[\p{L}\p{N}_]+)@[\p{L}\p{N}.-]+[\p{L}\p{N}]")
_GRAPHEME = regex.compile(r"\X")
# An emoji: drawn as one by itself, or asked to be by U+FE0F or U+20E3; flags are pairs of regional letters.
_EMOJI = regex.compile(r"\p{Emoji_Presentation}|\p{Emoji}\ufe0f|[0-9#*]\ufe0f?\u20e3|\p{Regional_Indicator}{2}")
# Code points that count as one on X; all others count as two (twitter-text, configuration 3).
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))


def graphemes(text: str) -> list[str]:
    """Return the characters as a reader sees them (UAX 29, extended grapheme clusters)."""
    found: list[str] = _GRAPHEME.findall(text)
    return found


def urls(text: str) -> list[str]:
    """Return what begins with https:// or http://, without the punctuation of the sentence after it."""
    return [match.group().rstrip(_TRAILING) for match in _URL.finditer(text)]


def links(text: str) -> list[str]:
    """Return what X makes links of: addresses, and names such as shop.com without one."""
    rest = _URL.sub(" ", text)
    return [*urls(text), *(match.group().rstrip(_TRAILING) for match in _DOMAIN.finditer(rest))]


def hashtags(text: str) -> list[str]:
    """Return the hashtags in their order; `#1` is none, and what stands in a link is none."""
    return [match.group() for match in _HASHTAG.finditer(_without_urls(text))]


def mentions(text: str) -> list[str]:
    """Return the mentions in their order, `@shop` and `@shop@server.example`; a mail address is none."""
    bare = _REMOTE.sub(r"\1", _without_urls(text))
    return [match.group() for match in _MENTION.finditer(bare)]


def weight(text: str) -> int:
    """Return how long a post is for X: NFC, a link 23, an emoji 2, a CJK character 2, a Latin one 1.

    Source: docs.x.com/fundamentals/counting-characters and the configuration 3 of twitter-text.
    """
    whole = unicodedata.normalize("NFC", text)
    found = links(whole)
    for link in sorted(found, key=len, reverse=True):
        whole = whole.replace(link, "", 1)
    return SHORT_LINK * len(found) + sum(_heft(cluster) for cluster in graphemes(whole))


def _heft(cluster: str) -> int:
    if is_emoji(cluster):
        return 2
    return sum(1 if any(low <= ord(sign) <= high for low, high in _LIGHT) else 2 for sign in cluster)


def with_short_links(text: str) -> int:
    """Return how long a post is for Mastodon: graphemes, a link with its https:// 23, a mention without its server."""
    found = urls(text)
    bare = text
    for url in sorted(found, key=len, reverse=True):
        bare = bare.replace(url, "", 1)
    return SHORT_LINK * len(found) + len(graphemes(_REMOTE.sub(r"\1", bare)))


def with_emoji_as_bytes(text: str) -> int:
    """Return how long a post is for Threads: an emoji counts as many characters as it has bytes in UTF-8."""
    return sum(len(cluster.encode()) if is_emoji(cluster) else len(cluster) for cluster in graphemes(text))


def is_emoji(cluster: str) -> bool:
    """Whether a grapheme is drawn as an emoji."""
    return _EMOJI.match(cluster) is not None


def _without_urls(text: str) -> str:
    return str(_URL.sub(" ", text))
