"""What no single key can know of posts that hang on posts: whether the channel has such a thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from campaigns.definition import COMMENTS, PERSONAL, POSTS, TASKS, THREADS, channels_of
from campaigns.loader.reading import Document, Path

KEYS = ("first_comment", "thread")
_ABLE = {"first_comment": COMMENTS | THREADS, "thread": THREADS}
_WHAT = {"first_comment": "a comment below it", "thread": "a thread of posts"}
Part = Mapping[str, object]


def check_hanging(document: Document, path: Path, touch: Part) -> None:
    """Report what would hang on something that nothing can hang on."""
    channels = channels_of(touch)
    for inner, step in _parts(touch, "steps"):
        for key in KEYS:
            if step.get(key):
                message = f"`{key}` hangs on a post, and a step goes to single people"
                _report(document, (*path, "steps", inner, key), message, "write the post as a touch of its own")
    for key in KEYS:
        for channel in channels:
            where, said = _said(touch, key, channel, several=len(channels) > 1)
            if said:
                _of_channel(document, (*path, *where), key, channel, touch, several=len(channels) > 1)
    _contents(document, path, touch)


def _said(touch: Part, key: str, channel: str, *, several: bool) -> tuple[Path, object]:
    """Return what the file says for a channel, and where: a channel's own word stands over the common one."""
    own = touch.get("by_channel")
    theirs = own.get(channel) if several and isinstance(own, Mapping) else None
    if isinstance(theirs, Mapping) and key in theirs:
        return ("by_channel", channel, key), theirs[key]
    return (key,), touch.get(key)


def _of_channel(document: Document, path: Path, key: str, channel: str, touch: Part, *, several: bool) -> None:
    common = path[-3:-2] != ("by_channel",)
    if several and common and channel in PERSONAL | TASKS:
        return  # it is of the posts of the touch
    if channel not in _ABLE[key]:
        what = "it reaches single people" if channel in PERSONAL else f"there is no such thing on {channel}"
        if channel in POSTS:
            what = f"{channel} knows no {_WHAT[key].removeprefix('a ')}"
        remedy = f"remove `{key}`"
        if several and common:
            remedy = f"write `by_channel: {{{channel}: {{{key}: {_none(key)}}}}}`"
        elif key == "thread" and channel in COMMENTS:
            remedy = "write one `first_comment`, or put everything into the post"
        _report(document, path, f"`{key}`: {what}", remedy)
    elif "on" in touch or (channel not in POSTS and "audience" in touch):
        _report(document, path, f"`{key}` hangs on a post, and this one goes to single people", f"remove `{key}`")
    elif _posted_as(touch, channel, several=several) == "story":
        remedy = f"remove `{key}`, or post it as a post"
        if several and common:
            remedy = f"write `by_channel: {{{channel}: {{{key}: {_none(key)}}}}}`"
        _report(document, path, f"`{key}`: nothing can hang on a story", remedy)


def _posted_as(touch: Part, channel: str, *, several: bool) -> object:
    return _said(touch, "post_as", channel, several=several)[1]


def _none(key: str) -> str:
    return "[]" if key == "thread" else '""'


def _contents(document: Document, path: Path, touch: Part) -> None:
    """Report a post of a thread that says and shows nothing, or says what another one of its touch says."""
    own = touch.get("by_channel")
    wordings: list[tuple[Path, Part]] = [(path, touch)]
    if isinstance(own, Mapping):
        wordings += [((*path, "by_channel", str(name)), one) for name, one in own.items() if isinstance(one, Mapping)]
    for where, wording in wordings:
        said = {_plain(wording.get("text") or touch.get("text")): "the post itself"}
        if wording.get("thread") and (comment := _plain(wording.get("first_comment") or touch.get("first_comment"))):
            said.setdefault(comment, "the first comment")
        for number, text in enumerate(_texts(wording)):
            if text and text in said:
                message = f"a post of the thread says the same as {said[text]}"
                remedy = "change a word: networks refuse a repeat, and nobody could tell which of them went"
                _report(document, (*where, "thread", number), message, remedy)
            said.setdefault(text, f"number {number + 2}")
        for number, post in _parts(wording, "thread"):
            if not (post.get("text") or post.get("media") or post.keys() - {"text", "media"}):
                message = "a post of a thread says and shows nothing"
                _report(document, (*where, "thread", number), message, "give it a `text` or `media`")


def _texts(wording: Part) -> Iterator[str]:
    posts = wording.get("thread")
    for post in posts if isinstance(posts, list) else (posts,):
        yield _plain(post.get("text") if isinstance(post, Mapping) else post)


def _plain(text: object) -> str:
    return " ".join(text.split()) if isinstance(text, str) else ""


def _parts(part: Part, key: str) -> Iterator[tuple[int, Part]]:
    items = part.get(key)
    for number, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, Mapping):
            yield number, item


def _report(document: Document, path: Path, message: str, remedy: str) -> None:
    document.source.report("hangs-on-nothing", message, document.key_place(path), remedy)
