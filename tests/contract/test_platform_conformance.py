"""What every platform promises, shown on each of them through a network that fails: no post twice, none lost."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from random import Random

import pytest
from platform_peers import PEERS
from platform_rig import LOST, SECONDS, Marks, Rig, aimed, each_seed, nth, weather
from support.fault_proxy import Fault, fault_proxy

from scheduler.channels.base import Attempted, Evidence, Found, Receipt, Settles
from scheduler.errors import ChannelDown, NotSent, Unknown, Withheld
from scheduler.store.ledger import REPEATABLE

# A far end that repeats what it was sent, in every field that platforms have words in.
ECHO = b'{"error": {"message": "{request}"}, "message": "{request}", "description": "{request}", "detail": "{request}"}'
STATUSES = (200, 400, 401, 403, 404, 422, 500)
ECHOES = (ECHO, b'{"ok": false, "error": "{request}", "error_description": "{request}"}')


@pytest.fixture(params=sorted(PEERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_what_was_planned_is_published_once_and_has_a_name(name: str, tmp_path: Path) -> None:
    async def scenario() -> tuple[Receipt | Exception, list[str], str]:
        async with Rig.to(name, tmp_path) as one:
            message = one.peer.message()
            return await one.tried_anew(message), one.peer.published(), message.content.text

    outcome, published, text = asyncio.run(scenario())

    assert isinstance(outcome, Receipt)
    assert outcome.provider_id != ""
    assert published == [text]


def test_the_mark_comes_once_and_before_the_first_byte_that_cannot_be_taken_back(name: str, tmp_path: Path) -> None:
    async def scenario() -> Marks:
        async with Rig.to(name, tmp_path) as one:
            marks = Marks(lambda: (one.peer.published(), one.proxy.count(one.peer.commit)))
            channel = one.channel()
            await channel.send(one.peer.message(), marks)
            await channel.close()
            assert one.proxy.count(one.peer.commit) == 1
            return marks

    marks = asyncio.run(scenario())

    assert marks.seen == [([], 0)]
    assert len(marks.handles[0]) <= 500


@pytest.mark.parametrize("error", [Withheld("suppressed", "cancelled"), OSError("disk full")], ids=["withheld", "disk"])
def test_when_the_mark_says_no_nothing_goes(name: str, error: Exception, tmp_path: Path) -> None:
    async def scenario() -> tuple[object, list[str], int]:
        async with Rig.to(name, tmp_path) as one:
            outcome = await one.tried_anew(one.peer.message(), Marks(raises=error))
            return outcome, one.peer.published(), one.proxy.count(one.peer.commit)

    assert asyncio.run(scenario()) == (error, [], 0)


@pytest.mark.parametrize("case", sorted(LOST))
def test_whoever_cannot_know_says_unknown_and_then_finds_out(name: str, case: str, tmp_path: Path) -> None:
    async def scenario() -> tuple[Receipt | Exception, int, str, list[str], str]:
        async with Rig.to(name, tmp_path) as one:
            message = one.peer.message()
            found = await one.found_out(message, aimed(LOST[case], one.peer.commit), one.peer.published)
            return *found, one.peer.published(), message.content.text

    outcome, there, verdict, published, text = asyncio.run(scenario())

    assert isinstance(outcome, Unknown) or (isinstance(outcome, Receipt) and there == 1)
    assert verdict in ("sent", "listed")
    assert published == [text] or (verdict == "listed" and published == [])


def test_where_nobody_listens_nothing_was_sent(name: str, tmp_path: Path) -> None:
    async def scenario() -> tuple[object, Marks]:
        async with Rig.to(name, tmp_path) as one:
            far = one.peer
        channel, marks = far.channel(one.proxy.port, seconds=SECONDS), Marks()
        outcome = await one.tried(channel, far.message(), marks)
        await channel.close()
        return outcome, marks

    outcome, marks = asyncio.run(scenario())

    assert isinstance(outcome, NotSent)
    assert marks.handles == []


def test_too_many_requests_waits_as_long_as_it_is_told(name: str, tmp_path: Path) -> None:
    async def scenario() -> tuple[object, float, list[str]]:
        async with Rig.to(name, tmp_path) as one:
            one.proxy.script(Fault(one.peer.commit, "answer", status=429, headers={"Retry-After": "90"}))
            outcome = await one.tried_anew(one.peer.message())
            assert isinstance(outcome, NotSent)
            assert outcome.retry_at is not None
            return outcome, (outcome.retry_at - one.peer.clock.now()).total_seconds(), one.peer.published()

    _, wait, published = asyncio.run(scenario())

    assert wait == 90
    assert published == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed_with_our_credentials(name: str, status: int, tmp_path: Path) -> None:
    async def scenario() -> tuple[object, int, int]:
        async with Rig.to(name, tmp_path) as one, fault_proxy(1) as elsewhere:
            away = f"http://127.0.0.1:{elsewhere.port}/"
            one.proxy.script(Fault(one.peer.commit, "answer", status=status, headers={"Location": away}))
            outcome = await one.tried_anew(one.peer.message())
            return outcome, len(elsewhere.seen), len(one.peer.published())

    outcome, followed, published = asyncio.run(scenario())

    assert isinstance(outcome, ChannelDown)
    assert (followed, published) == (0, 0)


def test_the_same_key_twice_is_one_post_or_can_be_looked_up(name: str, tmp_path: Path) -> None:
    async def scenario() -> tuple[list[str], Evidence | None]:
        async with Rig.to(name, tmp_path) as one:
            channel, message, marks = one.channel(), one.peer.message(), Marks()
            began = one.peer.clock.now()
            await channel.send(message, marks)
            found = None
            if isinstance(channel, Settles):
                found = await one.settled(channel, Attempted(message, True, marks.handles[0], 1, began))
            if channel.name in REPEATABLE:
                await channel.send(message, Marks())
            await channel.close()
            return one.peer.published(), found

    published, found = asyncio.run(scenario())

    assert len(published) == 1
    assert found is None or found.found is Found.SENT


def test_an_attempt_that_never_arrived_is_not_taken_for_sent(name: str, tmp_path: Path) -> None:
    async def scenario() -> tuple[object, list[str], Found | None]:
        async with Rig.to(name, tmp_path) as one:
            channel, message, marks, found = one.channel(), one.peer.message(), Marks(), None
            one.proxy.script(Fault(one.peer.commit, "cut"))
            began = one.peer.clock.now()
            outcome = await one.tried(channel, message, marks)
            if isinstance(channel, Settles):
                found = (await one.settled(channel, Attempted(message, True, marks.handles[0], 1, began))).found
            await channel.close()
            return outcome, one.peer.published(), found

    outcome, published, found = asyncio.run(scenario())

    assert isinstance(outcome, Unknown)
    assert published == []
    assert found in (Found.NOT_SENT, Found.OPEN, None)


@pytest.mark.parametrize("do", ["cut", "drop", "stall", "hang"])
def test_a_network_that_fails_at_any_one_request_costs_nothing(name: str, do: str, tmp_path: Path) -> None:
    async def at(step: int) -> tuple[str, list[str], int, str]:
        async with Rig.to(name, tmp_path / str(step)) as one:
            one.proxy.script(*nth(step, do))
            message = one.peer.message()
            return await one.carried(message), one.peer.published(), len(one.proxy.met), message.content.text

    async def scenario() -> list[tuple[str, list[str], int, str]]:
        return await asyncio.gather(*(at(step) for step in range(await _steps(name, tmp_path))))

    results = asyncio.run(scenario())

    assert results != []
    for verdict, published, met, text in results:
        assert met == 1
        assert (verdict, published) == ("sent", [text]) or (verdict == "listed" and published in ([], [text]))


@pytest.mark.parametrize("do", ["stall", "hang"])
def test_a_process_that_dies_at_any_one_request_costs_nothing(name: str, do: str, tmp_path: Path) -> None:
    async def at(step: int) -> tuple[str, list[str], str]:
        async with Rig.to(name, tmp_path / str(step)) as one:
            one.proxy.script(*nth(step, do))
            message, marks, began = one.peer.message(), Marks(), one.peer.clock.now()
            first = one.channel()
            life = asyncio.create_task(first.send(message, marks))
            await one.proxy.stuck()
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)
            await first.close()
            second = one.channel()
            verdict = ""
            if marks.handles:  # marked and without an outcome: unknown after the restart
                verdict = await one.after(second, message, None, marks, 1, began)
            verdict = verdict or await one.carried(message, channel=second)
            await second.close()
            return verdict, one.peer.published(), message.content.text

    async def scenario() -> list[tuple[str, list[str], str]]:
        return await asyncio.gather(*(at(step) for step in range(await _steps(name, tmp_path))))

    results = asyncio.run(scenario())

    assert results != []
    for verdict, published, text in results:
        assert (verdict, published) == ("sent", [text]) or (verdict == "listed" and published in ([], [text]))


def test_no_secret_stands_in_any_word_of_ours(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> tuple[list[str], tuple[str, ...]]:
        async with Rig.to(name, tmp_path) as one:
            caplog.set_level(logging.DEBUG)
            answers = [Fault(do="answer", status=status, body=echo) for status in STATUSES for echo in ECHOES]
            for fault in (*LOST.values(), *answers):
                channel = one.channel(SECONDS)
                one.proxy.script(aimed(fault, one.peer.commit))
                await one.tried(channel, one.peer.message(), Marks())
                one.proxy.clear()
                one.said.append(repr(channel))
                await channel.close()
            return one.said, one.peer.secrets

    said, secrets = asyncio.run(scenario())

    assert len(said) > 40
    for secret in secrets:
        assert len(secret) >= 8
        assert not [words for words in [*said, caplog.text] if secret in words]


SEEDS = 40  # runs of each platform, hundreds of all together


def test_whatever_the_network_does_no_post_is_doubled_or_lost(name: str, tmp_path: Path) -> None:
    async def run(seed: int) -> tuple[str, list[str], int, str]:
        async with Rig.to(name, tmp_path / str(seed)) as one:
            one.proxy.script(*weather(Random(seed), one.peer.commit))
            message = one.peer.message()
            verdict = await one.carried(message)
            return verdict, one.peer.published(), len(one.proxy.met), message.content.text

    results = asyncio.run(each_seed(run, SEEDS))

    doubled = [seed for seed, (_, published, _, _) in enumerate(results) if len(published) > 1]
    lost = [seed for seed, (verdict, published, _, _) in enumerate(results) if verdict == "sent" and not published]
    odd = [seed for seed, (verdict, _, _, _) in enumerate(results) if verdict not in ("sent", "listed")]
    assert (doubled, lost, odd) == ([], [], [])
    assert all(published in ([text], []) for _, published, _, text in results)
    assert sum(met for _, _, met, _ in results) > SEEDS  # the weather was bad


async def _steps(name: str, folder: Path) -> int:
    """Return how many requests a post takes when nothing fails."""
    async with Rig.to(name, folder / "undisturbed") as one:
        channel = one.channel()
        await channel.send(one.peer.message(), Marks())
        await channel.close()
        return len(one.proxy.seen)
