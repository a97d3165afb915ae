"""What a touch says with everything worked out that is the same for all its readers; refused where in doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from campaigns.errors import RenderError
from campaigns.rendering.additions import with_footer, with_preheader
from campaigns.rendering.content import Content, one_line, own_links, touch_media
from campaigns.rendering.engine import Engine
from campaigns.rendering.environment import Part
from campaigns.rendering.expressions import Unfoldable
from campaigns.rendering.folding import FIXED_FROM, Folded, fold
from campaigns.rendering.helpers import Unfolded
from campaigns.rendering.lines import Way
from campaigns.rendering.mail import Mails, closed, is_document
from campaigns.rendering.run import CLOSE, MAX_OUTPUT, OPEN, Run
from campaigns.rendering.shape import Filled, Shape

if TYPE_CHECKING:
    from campaigns.definition import Touch
    from campaigns.rendering.script import Script

Facts = Mapping[str, object]
Known = Mapping[str, "Mapping[str, object] | None"]

_SHAPES = 256  # kept for one form
_TRIED = 512  # messages after which a form has to be worth it


class _Marked:
    """A template as three functions: its values, the way they are met, and what it writes around them."""

    def __init__(self, engine: Engine, part: Part, name: str, known: Known, fixed: tuple[str, ...]) -> None:
        sandbox = engine.sandbox(part)
        self.values = fold(sandbox, name, Way.VALUES, known)
        self.marked = fold(sandbox, name, Way.MARKED, known, fixed)

    @property
    def fixed(self) -> tuple[str, ...]:
        """The fixed values up to those of this template."""
        return self.marked.fixed


class Form:
    """A mail, for all messages with the same `shared` facts: sections, of which `touch.now` is not the same.

    `lawful` raises for a message that must not be sent. Messages keep the pieces of their HTML where that is asked
    for, to be encoded by. Raises Unfoldable where the templates do what only the sandbox
    can, and what the sandbox raises for a template it refuses.
    """

    def __init__(
        self,
        touch: Touch,
        says: Script,
        engine: Engine,
        mails: Mails,
        shared: Facts,
        lawful: Callable[[Facts], None],
        *,
        keeps_pieces: bool = False,
    ) -> None:
        if says.body is None:
            raise Unfoldable("there is no template")
        self._engine, self._mails, self._lawful = engine, mails, lawful
        self._keeps_pieces = keeps_pieces
        self._part, self._has_layout = says.part, says.layout is not None
        self._media = touch_media(touch)
        self._shapes: dict[tuple[int, ...], Shape] = {}
        self._made = self._filled = 0
        lines: Known = {key: value for key, value in shared.items() if isinstance(value, dict)}
        known: Known = {**lines, "mail": _fixed_of_mail(mails, shared)}
        self._subject = None if says.subject is None else self._text(says.subject, lines)
        self._preheader = None if says.preheader is None else self._text(says.preheader, lines)
        self._footer_text = self._text("layouts/footer.txt", known)
        written = says.text
        if written is None and (says.layout is None or says.part is Part.TEXT):
            written = says.body
        self._written = None if written is None else self._text(written, known)
        self._around: Folded | None = None
        if says.layout is None:
            return
        part = Part.HTML if says.part is Part.HTML else Part.MARKDOWN
        self._footer = _Marked(engine, Part.HTML, "layouts/footer.html", known, ())
        self._body = _Marked(engine, part, says.body, known, self._footer.fixed)
        self._layout = _Marked(engine, Part.HTML, says.layout, known, self._body.fixed)
        self._templates = [self._footer, self._body, self._layout]
        if part is Part.HTML and says.preheader is not None:
            self._templates.append(_Marked(engine, Part.HTML, "layouts/preheader.html", known, self._layout.fixed))
        text_layout = mails.text_layout(says.layout)
        if text_layout is not None and self._written is None:
            self._around = self._text(text_layout, known)

    @property
    def is_worth_it(self) -> bool:
        """Whether enough messages share their shape with another one."""
        return self._made < _TRIED or self._made < self._filled

    def render(self, facts: Facts, run: Run, plain: Callable[[], Content]) -> Content | None:
        """Return the message, within a rendering in progress; None where the sandbox has to say it.

        `plain` renders it in the sandbox, in a rendering of its own: what goes a way of its own for the first time is
        written in both ways. Raises Unfoldable when they differ; everything else that is raised is about this message.
        """
        self._lawful(facts)
        subject = "" if self._subject is None else one_line(self._said(self._subject, facts, run))
        if not subject:
            return None
        preheader = "" if self._preheader is None else one_line(self._said(self._preheader, facts, run))
        data = self._mails.context(facts, subject, preheader)
        if not self._has_layout:
            assert self._written is not None
            text = self._said(self._written, data, run)
            return self._content(subject, text, None, preheader, data, run)
        values: list[str] = []
        way: list[int] = []
        ends: list[int] = []
        for template in self._templates:
            self._spend(run, template.values, template.values.run(data, None, values.extend, way.append, _NOTHING), 0)
            ends.append(len(values))
        run.spend(0, sum(map(len, values)))
        footer, body, layout, *_ = ends
        way += _added(data, values[footer:body], values[body:layout])
        shape = self._shapes.get(tuple(way))
        if shape is not None:
            self._filled += 1
            return self._filled_in(shape, values, subject, preheader, data, run)
        said = plain()
        shape = self._shape(values, data)
        made = self._filled_in(shape, values, subject, preheader, data, run)
        if made != said:
            raise Unfoldable("it does not say the same")
        if len(self._shapes) >= _SHAPES:
            self._shapes.clear()
        if self._keeps_pieces:
            shape.prove(shape.pieces(values))
        self._shapes[tuple(way)] = shape
        self._made += 1
        return said

    def _filled_in(
        self, shape: Shape, values: list[str], subject: str, preheader: str, data: dict[str, object], run: Run
    ) -> Content:
        pieces = shape.pieces(values)
        if self._written is not None:
            text = self._said(self._written, data, run)
        else:
            text = shape.aloud(values)
            if self._around is not None:
                text = self._said(self._around, data, run, text=text)
        filled = shape.filled(pieces) if self._keeps_pieces else None
        return self._content(subject, text, "".join(pieces), preheader, data, run, filled)

    def _content(
        self,
        subject: str,
        text: str,
        html: str | None,
        preheader: str,
        data: dict[str, object],
        run: Run,
        filled: Filled | None = None,
    ) -> Content:
        if not text.strip():
            raise Unfolded
        text = closed(text, self._said(self._footer_text, data, run), data)
        return Content(subject, text, html, preheader, self._media, filled, own_links(data))

    def _shape(self, values: list[str], data: dict[str, object]) -> Shape:
        """Return the shape of this message, by writing it with marks and finishing it as ever."""
        again: list[str] = []

        def mark(value: str) -> str:
            again.append(value)
            return f"{OPEN}{len(again) - 1}{CLOSE}"

        def write(template: _Marked, **parts: str) -> str:
            pieces: list[str] = []
            template.marked.run(data, pieces.extend, mark, None, parts)
            return "".join(pieces)

        footer = write(self._footer).strip()
        body = self._mails.body(self._part, write(self._body, footer=footer))
        inside = write(self._layout, body=body, footer=footer)
        hidden = "".join(write(template) for template in self._templates[3:])
        if again != values:
            raise Unfoldable("its values are not the same again")
        whole = self._part is Part.HTML and is_document(body)
        if whole and self._around is not None:
            raise Unfoldable("a whole page, and a layout for its text")
        mail, fixed = data["mail"], self._templates[-1].fixed
        assert isinstance(mail, dict)

        def slot(number: int) -> str:
            return fixed[number - FIXED_FROM] if number >= FIXED_FROM else again[number]

        page = with_preheader(body, hidden if mail["preheader"] else "", mail, slot) if whole else inside
        skeleton = self._mails.skeleton(with_footer(page, footer, mail, slot))
        if skeleton is None:
            raise Unfoldable("a value stands inside `class` or `id`")
        read = body if whole or self._around is not None else inside
        return Shape(skeleton, None if self._written is not None else self._mails.aloud(read), fixed)

    def _text(self, name: str, known: Known) -> Folded:
        return fold(self._engine.sandbox(Part.TEXT), name, Way.TEXT, known)

    def _said(self, template: Folded, facts: Facts, run: Run, **parts: str) -> str:
        pieces: list[str] = []
        counted = template.run(facts, pieces.extend, None, None, parts)
        self._spend(run, template, counted, sum(map(len, pieces)))
        return "".join(pieces)

    @staticmethod
    def _spend(run: Run, template: Folded, counted: tuple[int, int], written: int) -> None:
        """Pay what the sandbox would have asked for, or more."""
        steps, size = counted
        run.spend(steps, (template.depth + 2) * (size + written))
        if size + written > MAX_OUTPUT // 4:
            raise RenderError("the message may be too long")


_NOTHING: dict[str, str] = {}


def _added(data: Mapping[str, object], *written: list[str]) -> Iterator[int]:
    """Yield what decides whether footer and preheader are added to templates that wrote these values."""
    mail = data["mail"]
    assert isinstance(mail, dict)
    yield mail["preheader"] != ""
    for values in written:
        yield from (mail[part] in values for part in ("preheader", "address", "unsubscribe"))


def _fixed_of_mail(mails: Mails, shared: Facts) -> Mapping[str, object]:
    """Return what layouts see of a mail that is the same for all readers; `expressions` knows which names these are."""
    made = mails.context({**shared, "links": {}}, "", "")["mail"]
    assert isinstance(made, dict)
    return made
