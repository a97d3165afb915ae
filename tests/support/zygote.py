"""A process with the command's modules in memory that forks the real command: a start in a tenth of the time.

Run as a program it obeys one JSON command a line on its standard input; `Zygote` is the other end of that.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import campaigns
import scheduler


def _become(order: dict[str, object]) -> None:
    """Turn a forked child into `campaign`: a session, a folder, an environment and files of its own."""
    os.setsid()
    os.chdir(str(order["cwd"]))
    os.environ.clear()
    os.environ.update(order["env"])  # type: ignore[call-overload]
    null = os.open(os.devnull, os.O_RDONLY)
    out = os.open(str(order["out"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    err = os.open(str(order["err"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for ours, theirs in ((null, 0), (out, 1), (err, 2)):
        os.dup2(ours, theirs)
        os.close(ours)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, limit in order["limits"].items():  # type: ignore[attr-defined]
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
    if order["humble"]:
        _obey_permissions()
    if any(name.startswith("ACCIDENT_") for name in os.environ):
        ctypes.CDLL(None).accident_arm()  # of accidents.c, preloaded
    sys.argv = ["campaign", *order["argv"]]  # type: ignore[misc]
    exec(str(order["told"]), {})
    from scheduler.cli.main import main

    main()


def _obey_permissions() -> None:
    """Let go of what allows root to write where nobody may (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    held = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, held) == 0
    for index in (0, 1, 2):
        held[index] &= ~0b110
    assert libc.capset(header, held) == 0, os.strerror(ctypes.get_errno())


def _wait(pid: int, seconds: float) -> int | None:
    deadline = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.002)


def _main() -> None:
    for name in ("psycopg", "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite", "alembic.command"):
        importlib.import_module(name)
    for package in (campaigns, scheduler):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__") and ".migrations" not in module.name:
                importlib.import_module(module.name)
    gc.freeze()  # what is shared with the children stays shared
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            print(json.dumps(_wait(order["wait"], order["seconds"])), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            _become(order)  # leaves by SystemExit, as the command does
        print(json.dumps(pid), flush=True)


class Zygote:
    """The controlling end: starts commands, waits for them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        out: Path,
        err: Path,
        limits: Mapping[str, int] | None = None,
        humble: bool = False,
        told: str = "",
    ) -> int:
        """Start `campaign` with these arguments; return its process id, which leads a session of its own.

        `limits` are resource limits by name (`NOFILE`); a `humble` process obeys file permissions even as root;
        `told` is Python that it runs before the command.
        """
        found = self._order(
            argv=list(argv),
            cwd=str(cwd),
            env=dict(env),
            out=str(out),
            err=str(err),
            limits=dict(limits or {}),
            humble=humble,
            told=told,
        )
        assert isinstance(found, int)
        return found

    def wait(self, pid: int, seconds: float = 60) -> int:
        """Wait for the end of a command; return its exit code, negative for a signal."""
        code = self._order(wait=pid, seconds=seconds)
        assert isinstance(code, int), f"process {pid} did not end within {seconds} s"
        return code

    def _order(self, **order: object) -> object:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def zygote(env: Mapping[str, str]) -> Iterator[Zygote]:
    """Run a forking process while the block lasts."""
    process = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(env)
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Zygote(process)
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    _main()
