"""A server of the AT Protocol in memory: it answers as the reference server (PDS 0.4.217) was seen to answer."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from platform_peers import PlatformPeer
from support.http_peer import Reply, Request

from scheduler.channels.platforms.bluesky import BlueskyChannel

PASSWORD = "cana-ryof-blue-sky1"
SIGNATURE = "canaryOfTheSessions"
DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
FRIEND = "did:plc:z72i7hdynmk6r22z27h6tvur"
_RKEY = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}\Z")


class BlueskyPeer(PlatformPeer):
    """One account `shop.example.org`; `friend.example.org` is somebody else."""

    name = "bluesky"
    commit = "POST /xrpc/com.atproto.repo.putRecord"
    secrets = (PASSWORD, SIGNATURE)
    platform = BlueskyChannel
    account: ClassVar[dict[str, str]] = {"identifier": "shop.example.org", "app_password": PASSWORD}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.records: dict[str, dict[str, Any]] = {}
        self.commits: list[str] = []
        self.blobs: dict[str, bytes] = {}
        self.numbers = 0
        self.log_ins = 0
        self.dead: set[str] = set()  # tokens that are no longer taken
        self.revoked = False  # the app password
        self.taken_down = False

    def published(self) -> list[str]:
        return [self.records[rkey]["text"] for rkey in self.commits if rkey in self.records]

    def hanging(self) -> list[tuple[str, str]]:
        """Return the texts of replies, each with that of the post it answers; the root is that of the thread."""
        found = []
        for record in (self.records[rkey] for rkey in self.commits if "reply" in self.records.get(rkey, {})):
            parent = self.records[record["reply"]["parent"]["uri"][-13:]]
            assert record["reply"]["root"] == parent.get("reply", {"root": record["reply"]["parent"]})["root"]
            found.append((record["text"], parent["text"]))
        return found

    def emptied(self) -> None:
        """Take every post away."""
        self.records.clear()

    def token(self, scope: str, lives: timedelta) -> str:
        """Return a token; the signature is no signature here, and a canary."""
        self.numbers += 1
        claims = {
            "scope": f"com.atproto.{scope}",
            "sub": DID,
            "exp": int((self.clock.now() + lives).timestamp()),
            "jti": self.numbers,
        }
        parts = [{"typ": "at+jwt", "alg": "HS256"}, claims]
        return ".".join([*(_encoded(json.dumps(part).encode()) for part in parts), f"{SIGNATURE}{self.numbers}"])

    def answer(self, request: Request) -> Reply:
        name = request.route.removeprefix("/xrpc/com.atproto.")
        match request.method, name:
            case "POST", "server.createSession":
                return self._log_in(request.json)
            case "GET", "identity.resolveHandle":
                known = {"shop.example.org": DID, "friend.example.org": FRIEND}
                if did := known.get(request.query["handle"]):
                    return Reply(json={"did": did})
                return _error(400, "InvalidRequest", "Unable to resolve handle")
            case "GET", "repo.getRecord":
                rkey = request.query["rkey"]
                if rkey not in self.records:
                    return _error(
                        400, "RecordNotFound", f"Could not locate record: at://{DID}/app.bsky.feed.post/{rkey}"
                    )
                return Reply(json={"uri": _uri(rkey), "cid": _cid(self.records[rkey]), "value": self.records[rkey]})
        if name not in ("server.refreshSession", "repo.uploadBlob", "repo.putRecord"):
            return _error(501, "MethodNotImplemented", "Method Not Implemented")
        scope = "refresh" if name == "server.refreshSession" else "access"
        if (refusal := self._refused(request, scope)) is not None:
            return refusal
        if name == "server.refreshSession":
            self.dead.add(request.headers["authorization"])
            return self._session()
        if name == "repo.uploadBlob":
            return self._upload(request)
        return self._put(request.json)

    def _log_in(self, fields: dict[str, Any]) -> Reply:
        self.log_ins += 1
        if self.revoked or fields != {"identifier": "shop.example.org", "password": PASSWORD}:
            return _error(401, "AuthenticationRequired", "Invalid identifier or password")
        if self.taken_down:
            return _error(401, "AccountTakedown", "Account has been taken down")
        return self._session()

    def _session(self) -> Reply:
        return Reply(
            json={
                "accessJwt": self.token("access", timedelta(hours=2)),
                "refreshJwt": self.token("refresh", timedelta(days=90)),
                "handle": "shop.example.org",
                "did": DID,
                "active": True,
            }
        )

    def _refused(self, request: Request, scope: str) -> Reply | None:
        held = request.headers.get("authorization", "")
        if not held.startswith("Bearer "):
            return _error(401, "AuthMissing", "Authentication Required")
        try:
            claims = json.loads(base64.urlsafe_b64decode(held.split(".")[1] + "=="))
        except (ValueError, IndexError):
            return _error(400, "InvalidToken", "Token could not be verified")
        if SIGNATURE not in held or claims["scope"] != f"com.atproto.{scope}":
            return _error(400, "InvalidToken", "Token could not be verified")
        if held in self.dead or claims["exp"] <= self.clock.now().timestamp() or (scope == "refresh" and self.revoked):
            return _error(400, "ExpiredToken", "Token has expired" if not self.revoked else "Token has been revoked")
        if self.taken_down:
            return _error(401, "AccountTakedown", "Account has been taken down")
        return None

    def _upload(self, request: Request) -> Reply:
        cid = f"bafkrei{hashlib.sha256(request.body).hexdigest()[:52]}"
        self.blobs[cid] = request.body
        kind = request.headers["content-type"]
        return Reply(
            json={"blob": {"$type": "blob", "ref": {"$link": cid}, "mimeType": kind, "size": len(request.body)}}
        )

    def _put(self, fields: dict[str, Any]) -> Reply:
        record, rkey = fields["record"], fields["rkey"]
        if fields["repo"] != DID or fields["collection"] != "app.bsky.feed.post":
            return _error(400, "InvalidRequest", "Could not find repo")
        if not _RKEY.match(rkey):
            return _error(400, "InvalidRequest", "Invalid record key")
        if len(record["text"].encode()) > 3000:
            return _error(
                400, "InvalidRequest", "Invalid app.bsky.feed.post record: Record/text must not be longer than 3000"
            )
        for image in record.get("embed", {}).get("images", ()):
            blob = image["image"]
            if blob["ref"]["$link"] not in self.blobs:
                return _error(400, "BlobNotFound", f"Could not find blob: {blob['ref']['$link']}")
            if blob["size"] > 1_000_000:
                return _error(
                    400,
                    "BlobTooLarge",
                    f"This file is too large. It is {blob['size']} but the maximum size is 1000000.",
                )
        for ref in record.get("reply", {}).values():
            above = self.records.get(ref["uri"][-13:])
            if above is None or ref != {"uri": _uri(ref["uri"][-13:]), "cid": _cid(above)}:
                return _error(400, "InvalidRequest", "Could not find the post it answers")
        there = self.records.get(rkey)
        if there is not None and "swapRecord" in fields and there != record:
            return _error(400, "InvalidSwap", f"Record was at {_cid(there)}")
        seen = {"uri": _uri(rkey), "cid": _cid(record), "validationStatus": "valid"}
        if there == record:
            return Reply(json=seen)
        self.records[rkey] = record
        self.commits.append(rkey)
        return Reply(json={**seen, "commit": {"cid": _cid(record), "rev": f"3l{len(self.commits):011}"}})


def _error(status: int, name: str, words: str) -> Reply:
    return Reply(status, {"error": name, "message": words})


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _uri(rkey: str) -> str:
    return f"at://{DID}/app.bsky.feed.post/{rkey}"


def _cid(record: dict[str, Any]) -> str:
    return f"bafyrei{hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:52]}"
