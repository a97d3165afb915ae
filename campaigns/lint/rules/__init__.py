"""The rules, one a file; the code of each is the name of its file."""

from campaigns.lint.rule import Rule
from campaigns.lint.rules import (
    address_shown,
    alt_text,
    approval,
    consent_purpose,
    contrast,
    empty_fact,
    endless_repeat,
    far_ahead,
    feasibility,
    holidays_without_country,
    image_alt,
    image_only,
    late_offer,
    link_bare_ip,
    link_personal_data,
    link_scheme,
    link_shortener,
    link_words,
    loose_length,
    mail_size,
    many_tasks,
    media_broken,
    media_missing,
    media_unmeasured,
    media_url,
    no_account,
    no_content,
    no_recipients,
    no_sender,
    offer_after_leadtime,
    offer_unquoted,
    post_as,
    postal_address,
    preheader,
    quiet_hours,
    review_due,
    same_words,
    send_hours,
    sms_reply,
    sms_stop,
    staff_not_briefed,
    story_text,
    subject_long,
    subject_shouts,
    text_part,
    tracking,
    unbuilt,
    unknown_fact,
    unsubscribe,
    way_out_shown,
    wide_window,
    yes_no_text,
)

RULES: tuple[Rule, ...] = tuple(
    module.RULE
    for module in (
        postal_address,
        unsubscribe,
        no_sender,
        no_content,
        media_missing,
        media_url,
        post_as,
        unbuilt,
        quiet_hours,
        send_hours,
        holidays_without_country,
        feasibility,
        offer_after_leadtime,
        offer_unquoted,
        late_offer,
        same_words,
        staff_not_briefed,
        consent_purpose,
        far_ahead,
        wide_window,
        endless_repeat,
        loose_length,
        review_due,
        tracking,
        approval,
        no_account,
        no_recipients,
        many_tasks,
        unknown_fact,
        empty_fact,
        yes_no_text,
        alt_text,
    )
)

# About mails as their readers get them: checked where somebody rendered some.
MAIL_RULES: tuple[Rule, ...] = tuple(
    module.RULE
    for module in (
        way_out_shown,
        address_shown,
        link_scheme,
        link_personal_data,
        link_bare_ip,
        link_shortener,
        subject_shouts,
        image_only,
        image_alt,
        text_part,
        contrast,
        mail_size,
        subject_long,
        preheader,
        link_words,
    )
)

# About pictures and videos: checked where somebody opened them.
MEDIA_RULES: tuple[Rule, ...] = (media_broken.RULE, media_unmeasured.RULE)

# About posts and messages as they would go: checked where somebody rendered them.
POSTING_RULES: tuple[Rule, ...] = (story_text.RULE, sms_stop.RULE, sms_reply.RULE)
