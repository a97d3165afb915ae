"""The rules, one a file; the code of each is the name of its file."""

from campaigns.lint.rule import Rule
from campaigns.lint.rules import (
    alt_text,
    approval,
    endless_repeat,
    far_ahead,
    feasibility,
    holidays_without_country,
    late_offer,
    loose_length,
    media_missing,
    no_account,
    no_content,
    no_recipients,
    no_sender,
    offer_after_leadtime,
    offer_unquoted,
    postal_address,
    quiet_hours,
    review_due,
    send_hours,
    staff_not_briefed,
    unbuilt,
    unknown_fact,
    unsubscribe,
    wide_window,
)

RULES: tuple[Rule, ...] = tuple(
    module.RULE
    for module in (
        postal_address,
        unsubscribe,
        no_sender,
        no_content,
        media_missing,
        unbuilt,
        quiet_hours,
        send_hours,
        holidays_without_country,
        feasibility,
        offer_after_leadtime,
        offer_unquoted,
        late_offer,
        staff_not_briefed,
        far_ahead,
        wide_window,
        endless_repeat,
        loose_length,
        review_due,
        approval,
        no_account,
        no_recipients,
        unknown_fact,
        alt_text,
    )
)
