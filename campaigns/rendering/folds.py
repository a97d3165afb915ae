"""Which way the messages of a touch are rendered: in the sandbox, or by a form that was proved to say the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from campaigns.errors import RenderError
from campaigns.rendering.content import Content
from campaigns.rendering.expressions import Unfoldable
from campaigns.rendering.faults import FAULTS
from campaigns.rendering.form import Form
from campaigns.rendering.helpers import Unfolded
from campaigns.rendering.run import running
from campaigns.rendering.samples import variants

_SAMPLES = 4  # people that a form is tried on, besides those made up of the first of them
_MOST_STEPS = 2_000  # of a message in the sandbox: what takes more is not worth writing twice
_MOST_FORMS = 16  # of one touch: readers' zones, offers
_MISSED = 64  # messages that only the sandbox could say, before a form has to be worth it

Facts = dict[str, object]


class Folds:
    """Renders the mails of one touch.

    The first `after` messages are rendered in the sandbox by `plain`, which returns a message and the steps it took.
    Then `make` is asked for a form; it is used once it said the same as the sandbox for the first of these people and
    for `variants` of one of them. What it raises, and everything it does not do, is left to the sandbox, which says
    what is wrong. `told` hears why a touch is left to the sandbox for good.
    """

    def __init__(
        self,
        plain: Callable[[Facts], tuple[Content, int]],
        make: Callable[[Facts], Form],
        *,
        after: int,
        told: Callable[[str], None],
    ) -> None:
        self._plain = plain
        self._make = make
        self._after = after
        self._told = told
        self._samples: list[Facts] = []
        self._seen = 0
        self._is_folded = True
        self._varies = False  # whether offers and zones are too many for a form each
        self._forms: list[tuple[Facts, Form]] = []
        self._done = self._missed = 0

    def render(self, facts: Facts) -> Content:
        """Return the message. Raises: RenderError, as the sandbox says it."""
        if self._is_folded and self._seen >= self._after:
            said = self._by_form(facts)
            if said is not None:
                return said
        said, steps = self._plain(facts)
        if self._is_folded and self._seen <= self._after:
            self._seen += 1
            if steps > _MOST_STEPS:
                self._give_up("it takes many steps")
            elif len(self._samples) < _SAMPLES:
                self._samples.append(facts)
        return said

    def _by_form(self, facts: Facts) -> Content | None:
        try:
            form = self._form(facts)
            said = self._tried(form, facts)
            if not form.is_worth_it:
                raise Unfoldable("few of its messages have the same shape")
        except Unfoldable as error:
            self._give_up(str(error))
            return None
        except FAULTS as error:  # it happens again in the sandbox, which says where
            self._give_up(f"{type(error).__name__}: {error}")
            return None
        if said is not None:
            self._done += 1
        else:
            self._missed += 1
            if self._missed > max(_MISSED, self._done):
                self._give_up("most of its messages are for the sandbox alone")
        return said

    def _tried(self, form: Form, facts: Facts) -> Content | None:
        """Return what the form says, None where it leaves that to the sandbox. Raises: Unfoldable."""
        try:
            with running(facts) as run:
                return form.render(facts, run, lambda: self._plain(facts)[0])
        except (Unfolded, *FAULTS):
            return None

    def _form(self, facts: Facts) -> Form:
        """Return the form for the facts that many readers share."""
        shared = _shared(facts, self._varies)
        for place, (known, form) in enumerate(self._forms):
            if known == shared:
                if place:
                    self._forms.insert(0, self._forms.pop(place))
                return form
        if len(self._forms) == _MOST_FORMS:
            if self._varies:
                raise Unfoldable("its campaign says something else each time")
            self._varies = True
            self._forms.clear()
            shared = _shared(facts, self._varies)
        form = self._make(shared)
        mine = [sample for sample in self._samples if _shared(sample, self._varies) == shared] or [facts]
        for sample in (*mine, *variants(mine[0])):
            self._compare(form, sample)
        self._forms.insert(0, (shared, form))
        return form

    def _compare(self, form: Form, facts: Facts) -> None:
        said = self._tried(form, facts)
        if said is None:
            return
        try:
            meant, _ = self._plain(facts)
        except RenderError as error:
            raise Unfoldable("it does not say the same") from error
        if said != meant:
            raise Unfoldable("it does not say the same")

    def _give_up(self, why: str) -> None:
        self._is_folded = False
        self._samples.clear()
        self._forms.clear()
        self._told(why)


def _shared(facts: Mapping[str, object], varies: bool) -> Facts:
    """Return the facts that many messages of a touch have in common; the moment of rendering is not one of them."""
    shared: Facts = {"campaign": facts.get("campaign"), "stage": facts.get("stage")}
    if not varies:
        touch = facts.get("touch")
        shared["offer"] = facts.get("offer")
        shared["touch"] = {**touch, "now": None} if isinstance(touch, dict) else None
    return shared
