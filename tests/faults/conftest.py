"""Accidents of real processes: what they need, how long they may take, and the summary of what they cost."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url
from support.daemon import environment
from support.faults import MAILING, Account, Mailing
from support.left_out import LONG, leave_out
from support.sink import Sink, sink
from support.zygote import Zygote, zygote

_COLUMNS = ("kills", "messages", "accepted", "lost", "duplicates", "unlisted", "unknown", "most at once")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption("--full", action="store_true", help="every crash point and the tests that take minutes")
    group.addoption("--kills", type=int, metavar="N", help="random kills on SQLite; a third as many on PostgreSQL")


def is_full(config: pytest.Config) -> bool:
    """Whether the long runs were asked for."""
    return bool(config.getoption("--full", default=False))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Cut the random kills into mailings of twenty, and the crash points into parts that take minutes."""
    if "part" in metafunc.fixturenames:
        metafunc.parametrize(("kind", "part"), _parts(full=is_full(metafunc.config)))
    if "kills_of" not in metafunc.fixturenames:
        return
    asked = metafunc.config.getoption("--kills", default=None)
    full = is_full(metafunc.config)
    on_sqlite = asked or (1_000 if full else 60)
    on_server = (asked + 2) // 3 if asked else (340 if full else 20)
    mailings = []
    for kind, kills, marks in (("sqlite", on_sqlite, ()), ("postgresql", on_server, (pytest.mark.service,))):
        sizes = [20] * (kills // 20) + ([kills % 20] if kills % 20 else [])
        mailings += [
            pytest.param(kind, (number, size), marks=marks, id=f"{kind}-{number:03}")
            for number, size in enumerate(sizes)
        ]
    metafunc.parametrize(("kind", "kills_of"), mailings)


def _parts(*, full: bool) -> list[Any]:
    """Return the parts: which of how many, on which database; plain `pytest` takes half of those on a server."""
    parts = [pytest.param("sqlite", (number, 4), id=f"sqlite-{number}") for number in range(4)] if full else []
    parts += [] if full else [pytest.param("sqlite", (0, 1), id="sqlite")]
    count = 16 if full else 2
    for number in range(count):
        marks = [pytest.mark.service, *([pytest.mark.by_name] if number else [])]
        parts.append(pytest.param("postgresql", (number, count), marks=marks, id=f"postgresql-{number:02}"))
    return parts


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests that take minutes to the full run, by design and not by skipping."""
    if not is_full(config):
        leave_out(config, items, lambda item: item.get_closest_marker("full"), LONG)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Add up what the kills cost, a line for each kind."""
    totals: dict[str, list[int]] = {}
    for report in [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]:
        for name, value in getattr(report, "user_properties", []):
            if name == "faults":
                kind, *numbers = value
                known = totals.setdefault(kind, [0] * len(_COLUMNS))
                totals[kind] = [a + b for a, b in zip(known[:-1], numbers[:-1], strict=True)] + [
                    max(known[-1], numbers[-1])
                ]
    if totals:
        terminalreporter.section("accidents")
        terminalreporter.write_line(f"{'':28}" + "".join(f"{name:>13}" for name in _COLUMNS))
        for kind, numbers in sorted(totals.items()):
            terminalreporter.write_line(f"{kind:28}" + "".join(f"{number:13,}" for number in numbers))


class Summary:
    """Adds to the table at the end of the run."""

    def __init__(self, node: pytest.Item) -> None:
        self._node = node

    def __call__(self, kind: str, found: Account, *, kills: int, most: int) -> None:
        """Add what an accident of this kind cost."""
        cost = (found.lost, found.duplicates, found.unlisted, found.unknown)
        numbers = [kills, found.people, found.taken, *map(len, cost), most]
        self._node.user_properties.append(("faults", [kind, *numbers]))


@pytest.fixture
def summary(request: pytest.FixtureRequest) -> Summary:
    return Summary(request.node)


@pytest.fixture(scope="session")
def bytecode() -> Iterator[str]:
    """A folder for compiled modules: where the environment forbids them, every start would compile everything."""
    if known := os.environ.get("PYTHONPYCACHEPREFIX"):
        yield known
        return
    folder = tempfile.mkdtemp(prefix="campaign-bytecode-")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def forker(bytecode: str) -> Iterator[Zygote]:
    with zygote(_process_environment(bytecode)) as found:
        yield found


@pytest.fixture(scope="session")
def saboteur(bytecode: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """What starts daemons that meet the accidents of `accidents.c`; it is compiled here."""
    library = tmp_path_factory.mktemp("accidents") / "accidents.so"
    source = Path(__file__).parents[1] / "support" / "accidents.c"
    subprocess.run([need("cc"), "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-lpthread"], check=True)
    with zygote({**_process_environment(bytecode), "LD_PRELOAD": str(library)}) as found:
        yield found


def _process_environment(bytecode: str) -> dict[str, str]:
    env = environment(PYTHONPYCACHEPREFIX=bytecode)
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env


@pytest.fixture
def server() -> Iterator[Sink]:
    """A mail server that follows a script."""
    with sink() as found:
        yield found


class Templates:
    """Mailings that nobody has begun, each made once: a copy of one takes a hundredth of a second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[tuple[str, int, str], Mailing] = {}

    def get(self, kind: str, people: int, text: str, make: Callable[[Path], Mailing]) -> Mailing:
        """Return the mailing of this kind; `make` makes it in a folder."""
        name = (kind, people, text)
        if name not in self._known:
            folder = self._folder / str(len(self._known))
            folder.mkdir()
            self._known[name] = make(folder)
        return self._known[name]


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(tmp_path_factory.mktemp("templates"))


class Mailings:
    """Makes mailings on new databases; their processes end with the test."""

    def __init__(
        self,
        forker: Zygote,
        server: Sink,
        bytecode: str,
        templates: Templates,
        folder: Path,
        databases: Callable[[], Any],
    ) -> None:
        self._forker, self._server, self._bytecode = forker, server, bytecode
        self._templates, self._folder, self._databases = templates, folder, databases
        self._made: list[Mailing] = []
        self._numbers = 0

    def __call__(self, kind: str, people: int, text: str = MAILING, *, url: str = "", **env: str) -> Mailing:
        """Make a mailing to so many people, on the schedule and not yet begun."""
        if url:
            return self._known(self._new_folder(), url, **env).prepare(people, text)

        def make(folder: Path) -> Mailing:
            where = f"sqlite:///{folder}/var/campaign.db" if kind == "sqlite" else self._databases().empty()
            return self._known(folder, where, **env).prepare(people, text)

        return self.copy(self._templates.get(kind, people, text, make), **env)

    def copy(self, of: Mailing, **env: str) -> Mailing:
        """Copy a mailing that no process is working on, with its database."""
        folder = self._new_folder()
        shutil.copytree(of.folder, folder, dirs_exist_ok=True)
        url = f"sqlite:///{folder}/var/campaign.db"
        if of.url.startswith("postgresql"):
            url = self._databases().empty(like=str(make_url(of.url).database))
        return self._known(folder, url, **env)

    def drop(self, mailing: Mailing) -> None:
        """Take a copy away before the end of the test, which makes very many."""
        mailing.clean_up()
        self._made.remove(mailing)
        shutil.rmtree(mailing.folder)
        if mailing.url.startswith("postgresql"):
            self._databases().drop(mailing.url)

    def clean_up(self) -> None:
        for mailing in self._made:
            mailing.clean_up()

    def _new_folder(self) -> Path:
        self._numbers += 1
        folder = self._folder / f"project{self._numbers}"
        folder.mkdir()
        return folder

    def _known(self, folder: Path, url: str, **env: str) -> Mailing:
        mailing = Mailing(folder, url, self._forker, **{"CAMPAIGN_SMTP_URL": self._server.url, **env})
        mailing.env["PYTHONPYCACHEPREFIX"] = self._bytecode
        mailing.env.pop("PYTHONDONTWRITEBYTECODE", None)
        self._made.append(mailing)
        return mailing


@pytest.fixture
def mailings(
    forker: Zygote,
    server: Sink,
    bytecode: str,
    templates: Templates,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Mailings]:
    """Make mailings: `mailings("sqlite", people=5)`."""
    found = Mailings(forker, server, bytecode, templates, tmp_path, lambda: request.getfixturevalue("postgresql"))
    yield found
    found.clean_up()


def need(tool: str) -> str:
    """Return the path of a tool of the system; fail, and never skip, without it."""
    found = shutil.which(tool)
    assert found is not None, f"{tool} is needed: apt-get install {tool} (.ci/run does it)"
    return found


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Whether every point and the long waits were asked for."""
    return is_full(request.config)


@pytest.fixture(scope="session")
def is_root() -> bool:
    """Whether mounts can be made; without, the tests marked `root` fail and say so."""
    return os.geteuid() == 0
