"""The port through which messages are rendered; who renders them, and in which process, is chosen by bootstrap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from campaigns.errors import CampaignError, RenderError
from campaigns.rendering import Content, with_person

if TYPE_CHECKING:
    from campaigns.definition import Campaign, Stage, Touch
    from campaigns.rendering import Renderer

MAX_MESSAGE = 1 << 20  # bytes of all parts together


class Revision(Protocol):
    """What a renderer needs of a campaign in force; (id, edition, revision) names it and never changes its meaning."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def edition(self) -> str: ...  # noqa: D102
    @property
    def revision(self) -> int: ...  # noqa: D102
    @property
    def definition(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def templates(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def campaign(self) -> Campaign: ...  # noqa: D102
    @property
    def renderer(self) -> Renderer: ...  # noqa: D102
    def find(self, touch_id: str) -> tuple[Stage, Touch] | None: ...  # noqa: D102
    def warm(self) -> None: ...  # noqa: D102


class Person(NamedTuple):
    """Whom a message is for, as the ledger has them: `stored` is JSON, and `over` plain data that stands over it.

    Read by whoever renders: thousands of people a second are too many for the daemon's own process.
    """

    stored: bytes
    over: dict[str, object]


@dataclass(frozen=True, slots=True)
class Job:
    """One message to render: the revision it follows, the id of its touch, and the facts of `rendering.facts`.

    Where there is a `person`, the facts are those of a message to nobody, and lack theirs. `finished` asks for a mail
    as it travels (`Finished`), which a renderer may give instead, where it can.
    """

    campaign: Revision
    touch: str
    facts: Mapping[str, object]
    finished: bool = False
    person: Person | None = None


class Crashed(RenderError):
    """A message whose rendering took the renderer down twice: held for a person, since no template can do that."""


class OutOfMemory(RenderError):
    """A message whose rendering found no memory left."""


class RenderPort(Protocol):
    """Renders messages."""

    async def prepare(self, campaign: Revision) -> None:
        """Get ready for the messages of a revision, so that the first of them is not the slow one."""
        ...

    async def render(self, jobs: Sequence[Job]) -> list[Content | CampaignError]:
        """Return what each job says or why it cannot be said, in their order; an error is of that job alone.

        Raises: SchedulerError when nothing can be rendered here at all.
        """
        ...

    async def close(self) -> None:
        """End what was started; to be called once nobody renders any more."""
        ...


def attempt(
    renderer: Renderer, touch: Touch, facts: Mapping[str, object], person: Person | None = None
) -> Content | RenderError:
    """Render one message; whatever goes wrong is returned, with place and remedy but without a traceback.

    That holds for exceptions nobody thought of too: one that passed would end a renderer's process, twice, and be told
    as its death.

    A message of more than 1 MiB is an error. OutOfMemory is what the memory was not enough for.
    """
    try:
        content = renderer.render(touch, facts if person is None else with_person(facts, *person))
    except CampaignError as error:
        kind = OutOfMemory if isinstance(error.__cause__, MemoryError) else RenderError
        return kind(error.message, place=error.place, remedy=error.remedy)
    except MemoryError:
        return OutOfMemory(f"the message {touch.id!r} needs too much memory")
    except Exception as error:
        return RenderError(f"cannot render {touch.id!r}: {type(error).__name__}: {error}")
    return RenderError(f"the message {touch.id!r} is longer than 1 MiB") if _is_too_long(content) else content


def missing(touch: str) -> RenderError:
    """Return the error of a job whose touch the revision does not have."""
    return RenderError(f"the touch {touch!r} is not in the campaign")


def _is_too_long(content: Content) -> bool:
    parts = (content.subject, content.preheader, content.text, content.html or "")
    if sum(map(len, parts)) <= MAX_MESSAGE // 4:  # a character takes 4 bytes at most
        return False
    return sum(len(part.encode(errors="replace")) for part in parts) > MAX_MESSAGE
