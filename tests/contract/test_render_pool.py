"""Rendering in killable processes: the same message as inline, and whatever one does, the others get theirs."""

from __future__ import annotations

import asyncio
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import ItemsView, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from support.hostile import REFUSED
from support.revisions import job, mail, revision

from campaigns.errors import CampaignError, RenderError
from campaigns.rendering import Content
from campaigns.rendering.finished import Finished
from scheduler.catalog import InForce
from scheduler.errors import SchedulerError
from scheduler.rendering.base import Crashed, Job, Person
from scheduler.rendering.inline import InlineRenderer
from scheduler.rendering.pool import PoolRenderer

# Legal in the sandbox, and more than a message may cost.
SLOW = "{% set x = 'ab ' * 80000 %}{% for a in range(99) %}{% for b in range(99) %}{% set y = x.title() %}{% endfor %}{% endfor %}x"
LARGE = (
    "{% set x = 'ab ' * 80000 %}{% set ns = namespace(x=[]) %}"
    "{% for a in range(999) %}{% set ns.x = [ns.x, x.split()] %}{% endfor %}x"
)
WORTH_A_WHILE = "{% set x = 'ab ' * 80000 %}{% for a in range(9) %}{% set y = x.title() %}{% endfor %}x"
TEMPLATES = {"slow.txt": SLOW, "large.txt": LARGE, "while.txt": WORTH_A_WHILE}


@pytest.fixture(scope="module")
def shop() -> InForce:
    return revision(
        mail("hello", text="Hello {{ contact.first_name }}"),
        *(mail(name.removesuffix(".txt"), template=name) for name in TEMPLATES),
        templates=TEMPLATES,
    )


@pytest.fixture(scope="module")
def shared() -> Iterator[PoolRenderer]:
    pool = PoolRenderer()
    yield pool
    asyncio.run(pool.close())


def rendered(pool: PoolRenderer, jobs: Sequence[Job]) -> list[Content | CampaignError]:
    return asyncio.run(pool.render(jobs))


def said(answers: Sequence[Content | CampaignError]) -> list[str]:
    """The first line of each message, or the error."""
    return [answer.text.splitlines()[0] if isinstance(answer, Content) else str(answer) for answer in answers]


def hello(shop: InForce, name: str) -> Job:
    return job(shop, "hello", first_name=name)


def test_message_is_the_one_that_is_rendered_inline(shop: InForce, shared: PoolRenderer) -> None:
    jobs = [hello(shop, "Zoë"), hello(shop, "<b>Ann</b>"), job(shop, "hello"), job(shop, "nothing")]

    answers = rendered(shared, jobs)

    assert answers[:3] == asyncio.run(InlineRenderer().render(jobs))[:3]
    assert said(answers) == ["Hello Zoë", "Hello <b>Ann</b>", "Hello", "the touch 'nothing' is not in the campaign"]


def test_person_as_the_ledger_has_them_is_read_by_the_renderer(shop: InForce, shared: PoolRenderer) -> None:
    nobody = replace(hello(shop, "nobody"))
    people = [
        Person(b'{"first_name": "Zo\\u000be\xc3\xa9", "city": "Lyon"}', {"consent": ("marketing",)}),
        Person(b'{"first_name": "Zo"}', {"first_name": "L\x0bea"}),
        Person(b"{}", {"first_name": "Ann"}),
        Person(b'{"first_name": "', {}),
        Person(b'{"n": 1' + b"0" * 400 + b"}", {}),
    ]
    jobs = [replace(nobody, person=person) for person in people]

    answers, inline = rendered(shared, jobs), asyncio.run(InlineRenderer().render(jobs))

    assert said(answers)[:3] == said(inline)[:3] == ["Hello Zoeé", "Hello Lea", "Hello Ann"]
    for both in (answers, inline):
        assert "cannot render 'hello': JSONDecodeError" in str(both[3])
        assert str(both[4]) == "expected a number of at most 300 digits"


def test_finished_mail_is_the_message_that_is_rendered_inline(shop: InForce) -> None:
    page = (
        "<p>{{ contact.first_name }}, {{ contact.city }}</p>\n{% if contact.vip %}<b>{{ contact.vip }}</b>{% endif %}"
    )
    others = revision(mail("page", template="page.html"), templates={"page.html": page})
    people = [{"first_name": f"Zoë {number}", "vip": "=." * (number % 2)} for number in range(60)]
    jobs = [replace(job(others, "page", **person), finished=True) for person in people]

    async def twice() -> list[Content | CampaignError]:
        pool = PoolRenderer(together=7)
        try:
            first = await pool.render(jobs[:40])
            os.kill(pool.pids[0], signal.SIGKILL)  # its successor tells of the shapes again
            return first + await pool.render(jobs[20:])
        finally:
            await pool.close()

    answers = asyncio.run(twice())

    meant = [answer for answer in asyncio.run(InlineRenderer().render(jobs)) if isinstance(answer, Content)]
    read = [answer for answer in answers if isinstance(answer, Content)]
    assert [(one.subject, one.text, one.html, one.preheader, one.hash) for one in read] == [
        (one.subject, one.text, one.html, one.preheader, one.hash) for one in (*meant[:40], *meant[20:])
    ]
    assert [isinstance(one, Finished) for one in answers].count(True) == 40


@pytest.mark.parametrize("finished", [True, False])
def test_mails_that_differ_in_the_link_out_of_them_alone_have_one_hash(finished: bool) -> None:
    ours = revision(mail("page", template="page.html"), templates={"page.html": "<p>{{ contact.first_name }}</p>"})
    same = job(ours, "page", first_name="Zoë")
    ways = [{"unsubscribe": f"https://news.shop.example/u/{number:055}"} for number in range(60)]
    jobs = [replace(same, facts={**same.facts, "links": way}, finished=finished) for way in ways]

    async def work() -> list[Content | CampaignError]:
        pool = PoolRenderer()
        try:
            return await pool.render(jobs)
        finally:
            await pool.close()

    read = [answer for answer in asyncio.run(work()) if isinstance(answer, Content)]

    assert sum(isinstance(one, Finished) for one in read) == (40 if finished else 0)
    assert len({one.text for one in read}) == 60
    assert len({one.hash for one in read}) == 1


def test_answers_come_in_the_order_of_the_jobs_whatever_their_revisions(shop: InForce) -> None:
    others = [
        revision(mail("hello", text=f"{number} {{{{ contact.first_name }}}}"), number=number) for number in range(9)
    ]
    jobs = [hello(others[number % 9], f"Ann{number}") for number in range(60)]

    async def work() -> list[Content | CampaignError]:
        pool = PoolRenderer(2, together=4, kept=3)
        answers = await pool.render(jobs)
        await pool.close()
        return answers

    assert said(asyncio.run(work())) == [f"{number % 9} Ann{number}" for number in range(60)]


@pytest.mark.parametrize("attack", REFUSED)
def test_hostile_template_fails_alone(attack: str, shared: PoolRenderer) -> None:
    attacked = revision(
        mail("evil", template="evil.md"),
        mail("hello", text="Hello {{ contact.first_name }}"),
        templates={"evil.md": REFUSED[attack]},
        number=1000 + list(REFUSED).index(attack),
    )
    jobs = [hello(attacked, "Ann"), job(attacked, "evil", first_name="Léa"), hello(attacked, "Bob")]

    before, refused, after = rendered(shared, jobs)

    assert said([before, after]) == ["Hello Ann", "Hello Bob"]
    assert isinstance(refused, RenderError)
    assert refused.place is not None
    assert refused.place.file == "evil.md"


def test_message_that_takes_too_long_fails_alone(shop: InForce, shared: PoolRenderer) -> None:
    jobs = [hello(shop, "Ann"), job(shop, "slow"), hello(shop, "Bob")]

    answers = rendered(shared, jobs)

    assert said(answers) == [
        "Hello Ann",
        "slow.txt: the template of 'slow' needs more than 1 s of processor time",
        "Hello Bob",
    ]


def test_message_that_needs_too_much_memory_fails_alone_and_not_at_the_daemons_cost(shop: InForce) -> None:
    jobs = [hello(shop, "Ann"), job(shop, "large"), hello(shop, "Bob")]
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    async def work() -> list[Content | CampaignError]:
        pool = PoolRenderer(memory=128 << 20, seconds=20.0)
        answers = await pool.render(jobs)
        await pool.close()
        return answers

    answers = asyncio.run(work())

    assert said(answers) == [
        "Hello Ann",
        "large.txt:1: the template of 'large' needs more than 128 MiB of memory",
        "Hello Bob",
    ]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held < 8 << 10  # KiB


def test_message_that_takes_the_renderer_down_twice_is_told_from_the_others(shop: InForce) -> None:
    jobs = [hello(shop, "Ann"), job(shop, "slow"), hello(shop, "Bob")]

    async def work() -> list[Content | CampaignError]:
        pool = PoolRenderer(seconds=60.0, patience=2.0)
        answers = await pool.render(jobs)
        await pool.close()
        return answers

    before, crashed, after = asyncio.run(work())

    assert said([before, after]) == ["Hello Ann", "Hello Bob"]
    assert isinstance(crashed, Crashed)
    assert str(crashed) == "slow.txt: the renderer died twice at 'slow': it gave no sign of life for 2 s"


def test_whatever_a_message_raises_is_its_own_error_and_no_death_of_the_renderer(shop: InForce) -> None:
    class Unforeseen(Exception):
        pass

    class Odd(dict[str, object]):
        def items(self) -> ItemsView[str, object]:
            raise Unforeseen("nobody thought of this")

    answers = asyncio.run(InlineRenderer().render([Job(shop, "hello", Odd(contact={}))]))

    assert said(answers) == ["cannot render 'hello': Unforeseen: nobody thought of this"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP])
def test_renderer_that_is_struck_down_in_the_middle_of_a_batch_loses_nothing(
    number: signal.Signals, shop: InForce
) -> None:
    async def work() -> tuple[list[Content | CampaignError], tuple[int, ...], tuple[int, ...]]:
        pool = PoolRenderer(patience=3.0, seconds=60.0, together=5)
        begun = asyncio.create_task(pool.render([job(shop, "while")] * 5))
        first = asyncio.create_task(pool.render([hello(shop, "Ann")]))
        rest = asyncio.create_task(pool.render([job(shop, "while"), hello(shop, "Bob")] * 8))
        await begun
        (struck,) = pool.pids
        os.kill(struck, number)
        answers = [*await first, *await rest]
        pids = pool.pids
        await pool.close()
        return answers, (struck,), pids

    answers, struck, pids = asyncio.run(work())

    assert said(answers) == ["Hello Ann", *(["x", "Hello Bob"] * 8)]
    assert struck != pids


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_renderer_leaves_it_to_the_daemon_when_to_stop(number: signal.Signals, shop: InForce) -> None:
    async def work() -> tuple[tuple[int, ...], tuple[int, ...], list[Content | CampaignError]]:
        pool = PoolRenderer()
        await pool.render([hello(shop, "Ann")])
        before = pool.pids
        os.kill(before[0], number)
        answers = await pool.render([hello(shop, "Bob")])
        after = pool.pids
        await pool.close()
        return before, after, answers

    before, after, answers = asyncio.run(work())

    assert said(answers) == ["Hello Bob"]
    assert before == after


def test_renderer_has_nothing_of_the_daemon(shop: InForce, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_SECRET_KEY", "0123456789abcdef")

    async def work() -> tuple[str, set[str], str, int]:
        pool = PoolRenderer()
        await pool.render([hello(shop, "Ann")])
        (pid,) = pool.pids
        process = Path(f"/proc/{pid}")
        files = {os.readlink(file).split(":")[0] for file in (process / "fd").iterdir()}
        group = os.getpgid(pid)
        found = (process / "environ").read_text(), files, (process / "limits").read_text(), group
        await pool.close()
        return found

    environment, files, limits, group = asyncio.run(work())

    assert "CAMPAIGN" not in environment
    assert files == {"/dev/null", "socket", "/memfd"}  # to the daemon, and the count of jobs
    rows = {line[:25].strip(): line[26:].split()[:2] for line in limits.splitlines()}
    assert rows["Max address space"] == ["536870912", "536870912"]
    assert rows["Max file size"] == ["0", "0"]
    assert rows["Max core file size"] == ["0", "0"]
    assert rows["Max open files"] == ["32", "32"]
    assert group != os.getpgid(0)


def test_closing_leaves_no_process_and_tells_who_waits(shop: InForce) -> None:
    async def work() -> tuple[list[bool], list[object]]:
        pool = PoolRenderer()
        await pool.render([hello(shop, "Ann")])
        (pid,) = pool.pids
        waiting = asyncio.create_task(pool.render([job(shop, "while")] * 40))
        await asyncio.sleep(0)
        await pool.close()
        refused = await asyncio.gather(waiting, pool.render([hello(shop, "Bob")]), return_exceptions=True)
        return [Path(f"/proc/{pid}").exists(), bool(pool.pids)], list(refused)

    left, refused = asyncio.run(work())

    assert left == [False, False]
    assert [type(error) for error in refused] == [SchedulerError, SchedulerError]


def test_renderer_ends_when_the_daemon_is_killed() -> None:
    script = """
import asyncio, sys
from support.revisions import job, mail, revision
from scheduler.rendering.pool import PoolRenderer
async def work():
    pool = PoolRenderer()
    await pool.render([job(revision(mail("hello", text="Hello")), "hello")])
    print(*pool.pids, flush=True)
    await asyncio.Event().wait()
asyncio.run(work())
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    daemon = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment)
    assert daemon.stdout is not None
    with daemon.stdout as said_by_it:
        child = os.pidfd_open(int(said_by_it.readline()))
        try:
            daemon.kill()
            daemon.wait()

            assert select.select([child], [], [], 5.0)[0] == [child]
        finally:
            os.close(child)


def test_call_that_is_given_up_does_not_hold_up_the_next(shop: InForce) -> None:
    async def work() -> list[Content | CampaignError]:
        pool = PoolRenderer()
        given_up = asyncio.create_task(pool.render([job(shop, "slow")] * 500))
        await asyncio.sleep(0)
        given_up.cancel()
        answers = await pool.render([hello(shop, "Ann")])
        await pool.close()
        return answers

    assert said(asyncio.run(work())) == ["Hello Ann"]


def test_small_call_does_not_wait_for_a_large_one(shop: InForce) -> None:
    async def work() -> bool:
        pool = PoolRenderer(together=5)
        large = asyncio.create_task(pool.render([job(shop, "while")] * 100))
        await asyncio.sleep(0)
        await pool.render([hello(shop, "Ann")])
        is_first = not large.done()
        large.cancel()
        await pool.close()
        return is_first

    assert asyncio.run(work())


def test_campaign_that_cannot_be_restored_is_an_error_of_its_messages(shop: InForce, shared: PoolRenderer) -> None:
    broken = revision(mail("hello", text="Hello"), number=99)
    broken.definition = {"campaign": "shop", "stages": "none"}

    answers = rendered(shared, [hello(broken, "Ann"), hello(shop, "Bob")])

    assert [text.partition(":")[0] for text in said(answers)] == ["cannot restore the campaign of 'hello'", "Hello Bob"]


def test_pool_serves_one_event_loop_after_another(shop: InForce) -> None:
    pool = PoolRenderer()

    async def leave() -> tuple[int, ...]:
        waiting = asyncio.create_task(pool.render([hello(shop, "Ann")] * 100))
        await pool.render([hello(shop, "Cas")])
        waiting.cancel()
        return pool.pids

    before = asyncio.run(leave())
    answers = rendered(pool, [hello(shop, "Bob")])
    after = pool.pids
    asyncio.run(pool.close())

    assert said(answers) == ["Hello Bob"]
    assert before == after


def test_templates_can_be_compiled_before_the_first_message(shop: InForce) -> None:
    async def work() -> tuple[int, list[Content | CampaignError]]:
        pool = PoolRenderer()
        await pool.prepare(shop)
        started = len(pool.pids)
        answers = await pool.render([hello(shop, "Ann")])
        await pool.close()
        return started, answers

    started, answers = asyncio.run(work())

    assert started == 1
    assert said(answers) == ["Hello Ann"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/nowhere/python", "cannot start the renderer: No such file or directory"),
        ("/bin/false", "cannot start the renderer: it ended with code 1"),
    ],
)
def test_renderer_that_does_not_start_is_an_error_of_the_machine(
    path: str, why: str, shop: InForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = PoolRenderer()
    monkeypatch.setattr(sys, "executable", path)

    with pytest.raises(SchedulerError) as caught:
        rendered(pool, [hello(shop, "Ann")])

    assert caught.value.message == why


def test_broken_installation_is_named_and_mended_without_a_new_pool(
    shop: InForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = PoolRenderer()
    with monkeypatch.context() as broken:
        broken.setattr(sys, "path", [])
        with pytest.raises(SchedulerError) as caught:
            rendered(pool, [hello(shop, "Ann")])

    answers = rendered(pool, [hello(shop, "Ann")])
    asyncio.run(pool.close())

    assert caught.value.message == "cannot start the renderer: ModuleNotFoundError: No module named 'scheduler'"
    assert said(answers) == ["Hello Ann"]
