"""Running the rules over a campaign: all findings together, without those the author switched off for a reason."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from campaigns.definition import OF_CHANNEL, Campaign
from campaigns.finding import Finding, Level
from campaigns.lint.facts import Facts
from campaigns.lint.preflight import LIMIT_RULES
from campaigns.lint.rule import Rule, View
from campaigns.lint.rules import MAIL_RULES, MEDIA_RULES, POSTING_RULES, RULES
from campaigns.timeline import Timeline

_LEVELS = (Level.ERROR, Level.WARNING, Level.NOTE)

# Rules that the check of the templates covers with better knowledge; then its finding stands alone.
_COVERED = {
    "postal-address": "template-postal-address",
    "unsubscribe": "template-unsubscribe",
    "no-content": "template-body",
    "link-scheme": "template-link",
}


def lint(campaign: Campaign, timeline: Timeline, facts: Facts | None = None) -> tuple[Finding, ...]:
    """Return every finding: the timeline's, those of `facts` and the rules', the gravest first, then by line.

    `disable:` takes out warnings and notes by their code; an error stays, for it protects people or cannot work. Only
    what is beyond a limit of a network can be taken out too: the network may have changed since it was looked up.
    """
    facts = facts or Facts()
    view = View(campaign, timeline, facts)
    known = {finding.code for finding in facts.findings}
    found = [*timeline.findings, *facts.findings]
    unchecked = []
    for rule in _rules(facts):
        if not rule.can_check(facts):
            unchecked.append(rule.code)
        elif _COVERED.get(rule.code) not in known:
            found += rule.findings(view)
    if unchecked:
        message = f"not checked, for what they ask is not known here: {', '.join(unchecked)}"
        found.append(Finding("not-checked", Level.NOTE, message, campaign.place()))
    found = list(_of_posts(campaign, found))
    found = [finding for finding in found if not _is_switchable(finding) or finding.code not in campaign.disable]
    found += _switches(campaign, found)
    return tuple(sorted(dict.fromkeys(found), key=_order))


def _rules(facts: Facts) -> tuple[Rule, ...]:
    """Return the rules to run: those about finished messages and media only where somebody made or opened them."""
    mails = () if facts.letters is None else MAIL_RULES
    posts = () if facts.postings is None else (*POSTING_RULES, *MEDIA_RULES, *LIMIT_RULES)
    return (*RULES, *mails, *(rule for rule in posts if rule.can_check(facts)))


def _of_posts(campaign: Campaign, found: list[Finding]) -> Iterator[Finding]:
    """Leave out what is told of a comment or a reply where it is told of its post too, at the same place."""
    hanging = {touch.id for _, touch in campaign.touches() if touch.hangs_on is not None}
    told = {(finding.code, finding.place, _subject(finding)) for finding in found} if hanging else set()
    for finding in found:
        touch = _subject(finding)
        if touch not in hanging or (finding.code, finding.place, touch.rpartition(OF_CHANNEL)[0]) not in told:
            yield finding


def _subject(finding: Finding) -> str:
    """Return the touch that a finding is about, where its message begins with it."""
    return finding.message.partition(" ")[0].removesuffix(":")


def _is_switchable(finding: Finding) -> bool:
    return finding.level is not Level.ERROR or finding.code in _LIMITS


def _order(finding: Finding) -> tuple[int, int, int]:
    place = finding.place
    return _LEVELS.index(finding.level), (place.line or 0) if place else 0, (place.column or 0) if place else 0


def _switches(campaign: Campaign, found: list[Finding]) -> Iterator[Finding]:
    """Yield what is wrong with `disable:` itself: unknown codes, no reason, what cannot be switched off."""
    codes = {rule.code for rule in _ALL} | {finding.code for finding in found} | PLAN_CODES
    errors = {finding.code for finding in found if not _is_switchable(finding)}
    for code, reason in campaign.disable.items():
        place = campaign.place("disable", code)
        if code in errors or any(rule.protects and rule.code == code for rule in _ALL):
            message = f"{code!r} cannot be disabled"
            yield Finding("disable", Level.WARNING, message, place, "mend what it says; it protects people")
        elif code not in codes:
            near = get_close_matches(code, sorted(codes), 1)
            remedy = f"did you mean {near[0]!r}?" if near else "`campaign lint` shows the codes"
            yield Finding("disable", Level.WARNING, f"no rule is called {code!r}", place, remedy)
        elif not reason.strip():
            yield Finding("disable", Level.WARNING, f"{code!r} is disabled without a reason", place, "say why")


# Codes of warnings that the planner, the check of the templates and the look at what is in force give.
PLAN_CODES = frozenset(
    {
        "cancelled",
        "expired",
        "fatigue",
        "mail-not-read",
        "next-year",
        "not-checked",
        "not-measured",
        "not-written",
        "renamed",
    }
)
_ALL: tuple[Rule, ...] = (*RULES, *MAIL_RULES, *POSTING_RULES, *MEDIA_RULES, *LIMIT_RULES)
_LIMITS = frozenset(rule.code for rule in LIMIT_RULES)
