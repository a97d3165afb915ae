"""What Meta's own client knows of the Graph API: which parameters an edge takes, and which fields can be read.

The tables are read from the installed package at test time. Threads is not in it: its table stands here, from
https://developers.facebook.com/docs/threads/reference/publishing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from facebook_business.adobjects.advideo import AdVideo
from facebook_business.adobjects.igmedia import IGMedia
from facebook_business.adobjects.iguser import IGUser
from facebook_business.adobjects.page import Page
from facebook_business.adobjects.pagepost import PagePost
from facebook_business.adobjects.photo import Photo
from facebook_business.adobjects.shadowigmediabuilder import ShadowIGMediaBuilder

# What every request may bear, whatever it asks for (Graph API, overview).
EVERYWHERE = frozenset({"access_token", "appsecret_proof", "fields"})
PAGING = frozenset({"limit", "after", "before", "summary"})


@dataclass(frozen=True)
class Table:
    """The parameters of a request by their type, the values an enumeration may have, and the fields of its answer."""

    parameters: Mapping[str, str]
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    readable: frozenset[str] = frozenset()

    def wrong(self, given: Mapping[str, str], more: frozenset[str] = frozenset()) -> str:
        """Return what is wrong with the parameters of a request, as they travel; "" where nothing is."""
        for name, value in given.items():
            if name in EVERYWHERE | more:
                continue
            if name not in self.parameters:
                return f"Param {name} is not one of the parameters"
            if not self._fits(self.parameters[name], value):
                return f"Param {name} must be {self.parameters[name]}"
        for name in filter(None, given.get("fields", "").split(",")):
            if name not in self.readable:
                return f"Tried accessing nonexisting field ({name})"
        return ""

    def _fits(self, kind: str, value: str) -> bool:
        if kind in self.values:
            return value in self.values[kind]
        if kind == "bool":
            return value in ("true", "false")
        if kind in ("int", "unsigned int"):
            return value.isdigit()
        if kind == "list<string>" and not value.startswith("["):
            return True  # the pages about carousels write it with commas
        if kind.startswith("list"):
            return isinstance(_json(value), list)
        return not kind.startswith(("map", "Object")) or isinstance(_json(value), dict)


@cache
def tables() -> dict[str, Table]:
    """Return the tables of what is used, by method and edge or kind of thing."""
    page, user = Page("1"), IGUser("1")
    return {
        "POST feed": _table(page.create_feed(pending=True)),
        "POST photos": _table(page.create_photo(pending=True)),
        "POST videos": _table(page.create_video(pending=True)),
        "POST photo_stories": _table(page.create_photo_story(pending=True)),
        "POST video_stories": _table(page.create_video_story(pending=True)),
        "POST video_reels": _table(page.create_video_reel(pending=True)),
        "GET stories": _table(page.get_stories(pending=True)),
        "DELETE photo": _table(Photo("1").api_delete(pending=True)),
        "GET published_posts": _table(page.get_published_posts(pending=True)),
        "GET post": _table(PagePost("1").api_get(pending=True)),
        "POST post": _table(PagePost("1").api_update(pending=True)),
        "DELETE post": _table(PagePost("1").api_delete(pending=True)),
        "POST comments": _table(PagePost("1").create_comment(pending=True)),
        "GET comments": _table(PagePost("1").get_comments(pending=True)),
        "POST media comments": _table(IGMedia("1").create_comment(pending=True)),
        "GET media comments": _table(IGMedia("1").get_comments(pending=True)),
        "GET video": _table(AdVideo("1").api_get(pending=True)),
        "POST video": _table(AdVideo("1").api_update(pending=True)),
        "DELETE video": _table(AdVideo("1").api_delete(pending=True)),
        "POST media": _table(user.create_media(pending=True)),
        "POST media_publish": _table(user.create_media_publish(pending=True)),
        "GET media": _table(user.get_media(pending=True)),
        "GET content_publishing_limit": _table(user.get_content_publishing_limit(pending=True)),
        "GET container": _table(ShadowIGMediaBuilder("1").api_get(pending=True)),
        "GET media item": _table(IGMedia("1").api_get(pending=True)),
        **_THREADS,
    }


def _table(request: Any) -> Table:
    """Return what Meta's client would accept for a request of its own."""
    checker = request._param_checker
    return Table(
        dict(checker._type_check_info),
        {name: frozenset(map(str, values)) for name, values in checker._enum_data.items()},
        frozenset(map(str, request._accepted_fields)),
    )


def _json(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return None


_QUOTAS = frozenset({"quota_usage", "config", "reply_quota_usage", "reply_config"})
_THREADS = {
    "POST threads": Table(
        {
            "media_type": "kind",
            "text": "string",
            "image_url": "string",
            "video_url": "string",
            "is_carousel_item": "bool",
            "children": "list<string>",
            "alt_text": "string",
            "reply_to_id": "string",
            "reply_control": "string",
            "link_attachment": "string",
            "quote_post_id": "string",
            "topic_tag": "string",
        },
        {"kind": frozenset({"TEXT", "IMAGE", "VIDEO", "CAROUSEL"})},
    ),
    "POST threads_publish": Table({"creation_id": "unsigned int"}),
    "GET threads": Table({}, readable=frozenset({"id", "text", "timestamp", "permalink", "media_type", "shortcode"})),
    "GET threads_publishing_limit": Table({}, readable=_QUOTAS),
    "GET replies": Table({}, readable=frozenset({"id", "text", "timestamp", "permalink", "media_type", "shortcode"})),
    "GET threads container": Table({}, readable=frozenset({"id", "status", "error_message"})),
    "GET threads item": Table({}, readable=frozenset({"id", "text", "timestamp", "permalink", "media_type"})),
}
