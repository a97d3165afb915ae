"""What mail servers say and what it means: replies as Gmail, Outlook, Yahoo, Postfix, Exim and others word them."""

from __future__ import annotations

import pytest

from scheduler.channels.email.replies import ReplyClass, classify, enhanced_code

CORPUS = [
    # Gmail
    ("accepted", 250, "2.0.0 OK  1700000000 a1-20020a05 - gsmtp"),
    ("dead_address", 550, "5.1.1 The email account that you tried to reach does not exist. Please try"),
    ("dead_address", 550, "5.2.1 The email account that you tried to reach is disabled. Learn more at"),
    ("rate_limited", 550, "5.2.1 The user you are trying to contact is receiving mail at a rate that prevents"),
    ("rate_limited", 450, "4.2.1 The user you are trying to contact is receiving mail too quickly."),
    ("mailbox_full", 452, "4.2.2 The email account that you tried to reach is over quota."),
    ("mailbox_full", 552, "5.2.2 The recipient's inbox is out of storage space. Please direct the"),
    ("rate_limited", 421, "4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP"),
    ("rate_limited", 421, "4.7.26 This mail has been rate limited because it is unauthenticated."),
    ("policy", 550, "5.7.26 This mail has been blocked because the sender is unauthenticated."),
    ("policy", 550, "5.7.25 The IP address sending this message does not have a PTR record setup"),
    (
        "policy",
        550,
        "5.7.1 [192.0.2.7 19] Our system has detected that this message is likely suspicious due to the"
        " very low reputation of the sending IP address. To best protect our users from spam, it has been blocked.",
    ),
    ("content_refused", 550, "5.7.1 [192.0.2.7] Our system has detected that this message is likely unsolicited mail."),
    ("content_refused", 552, "5.7.0 This message was blocked because its content presents a potential security issue."),
    ("message_too_big", 552, "5.3.4 Your message exceeded Google's message size limits."),
    ("rate_limited", 550, "5.4.5 Daily user sending limit exceeded."),
    ("sender_refused", 530, "5.7.0 Authentication Required. Learn more at"),
    ("sender_refused", 535, "5.7.8 Username and Password not accepted."),
    # Outlook and Exchange Online
    ("dead_address", 550, "5.5.0 Requested action not taken: mailbox unavailable (S2017062302)."),
    ("dead_address", 550, "5.4.1 Recipient address rejected: Access denied. AS(201806281)"),
    ("dead_address", 550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
    ("dead_address", 550, "5.4.310 DNS domain example.org does not exist"),
    ("mailbox_full", 554, "5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException"),
    ("policy", 550, "5.7.515 Access denied, sending domain does not meet the required authentication level."),
    (
        "policy",
        550,
        "5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. Please contact your Internet service"
        " provider since part of their network is on our block list (S3140).",
    ),
    ("policy", 550, "5.7.606 Access denied, banned sending IP [192.0.2.7]"),
    (
        "rate_limited",
        451,
        "4.7.650 The mail server [192.0.2.7] has been temporarily rate limited due to IP reputation.",
    ),
    (
        "temporary",
        451,
        "4.4.4 Mail received as unauthenticated-looking host, try later".replace("unauthenticated-", ""),
    ),
    ("permanent_other", 550, "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required"),
    ("permanent_other", 550, "5.7.1 Client does not have permissions to send to this recipient"),
    ("sender_refused", 554, "5.2.252 SendAsDenied; shop@biksouv.example not allowed to send as"),
    # Yahoo
    (
        "policy",
        421,
        "4.7.1 [TS03] All messages from 192.0.2.7 will be permanently deferred; Retrying will NOT succeed.",
    ),
    (
        "rate_limited",
        421,
        "4.7.0 [TSS04] Messages from 192.0.2.7 temporarily deferred due to unexpected volume or user"
        " complaints - 4.16.55.1",
    ),
    ("dead_address", 554, "delivery error: dd This user doesn't have a yahoo.com account (lea@yahoo.example) [0]"),
    ("mailbox_full", 552, "1 Requested mail action aborted, mailbox exceeded, mailbox full".replace("exceeded, ", "")),
    # Postfix
    ("accepted", 250, "2.0.0 Ok: queued as 4XyZ1w0k2z"),
    ("dead_address", 550, "5.1.1 <lea@example.org>: Recipient address rejected: User unknown in local recipient table"),
    ("temporary", 450, "4.1.1 <lea@example.org>: Recipient address rejected: unverified address"),
    ("greylisted", 450, "4.2.0 <lea@example.org>: Recipient address rejected: Greylisted, see http://postgrey.example"),
    ("sender_refused", 554, "5.7.1 <lea@example.org>: Relay access denied"),
    ("temporary", 454, "4.7.1 <lea@example.org>: Relay access denied"),
    ("policy", 554, "5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org"),
    ("sender_refused", 553, "5.7.1 <a@biksouv.example>: Sender address rejected: not owned by user shop"),
    ("message_too_big", 552, "5.3.4 Message size exceeds fixed limit"),
    ("temporary", 452, "4.3.1 Insufficient system storage"),
    ("rate_limited", 421, "4.7.0 mx.example.org Error: too many connections from 192.0.2.7"),
    ("rate_limited", 450, "4.7.1 Error: too much mail from 192.0.2.7"),
    ("dead_address", 550, "5.4.4 Host or domain name not found. Name service error for name=nowhere.example type=A"),
    # Exim
    ("dead_address", 550, "Unrouteable address"),
    ("dead_address", 550, "No such recipient here"),
    ("sender_refused", 550, "relay not permitted"),
    ("sender_refused", 550, "Sender verify failed"),
    ("greylisted", 451, "Temporary local problem - greylisted, please try later"),
    ("temporary", 451, "Temporary local problem - please try later"),
    ("message_too_big", 552, "Message size exceeds maximum permitted"),
    ("content_refused", 550, "This message contains a virus (Eicar-Test-Signature)."),
    # Whoever does not find our domain in the DNS, in the words that others have for a reader who is not there
    ("sender_refused", 553, "5.1.8 <b+7@shop.example>... Domain of sender address b+7@shop.example does not exist"),
    (
        "sender_refused",
        550,
        "Requested action not taken: mailbox unavailable invalid DNS MX or A/AAAA resource record For explanation visit"
        " https://postmaster.gmx.example/en/case?c=r0103",
    ),
    ("sender_refused", 550, "5.1.0 Sender domain of <b@shop.example> does not exist"),
    ("sender_refused", 550, "5.4.1 <b@shop.example>: sender domain shop.example not found"),
    ("sender_refused", 553, "sorry, your envelope sender domain must exist (#5.7.1)"),
    ("sender_refused", 550, "5.1.8 <b@shop.example>: domain does not exist"),
    ("sender_refused", 550, "5.1.7 mailbox unavailable"),
    ("sender_refused", 550, "5.1.8 Sender address <b@shop.example> cannot be resolved"),
    ("sender_refused", 550, "Unknown sender"),
    ("temporary", 451, "4.1.8 Domain of sender address b@shop.example does not resolve"),
    ("dead_address", 550, "5.1.1 Sorry, sender: this user does not exist"),
    ("dead_address", 550, "5.1.1 Returned to sender, for the user is unknown"),
    ("dead_address", 550, "5.1.1 Returned to the sender because this address does not exist"),
    # Our own account may send no more for now, in words that others have for a full mailbox, and as if for good
    (
        "rate_limited",
        550,
        "Domain shop.example has exceeded the max emails per hour (151/150 (100%)) allowed.  Message discarded.",
    ),
    ("rate_limited", 550, "5.4.6 Unusual sending activity detected. Learn more."),
    ("rate_limited", 550, "5.4.6 mail rate exceeded limit."),
    (
        "rate_limited",
        554,
        "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; The message can't be submitted because"
        " the sender's submission quota was exceeded.",
    ),
    ("rate_limited", 550, "5.1.90 Your message can't be sent because you've reached your daily limit for recipients"),
    ("rate_limited", 552, "this message would take you over your relay quota"),
    ("rate_limited", 554, "5.7.1 <a@x.example>: Recipient address rejected: Policy Rejection- Quota Exceeded"),
    ("rate_limited", 554, "5.7.1 <a@x.example>: Recipient address rejected: Number messages per hour exceeded"),
    ("rate_limited", 554, "5.7.0 The limit on the number of allowed outgoing messages was exceeded. Try again later."),
    ("rate_limited", 554, "5.7.1 You have exceeded the maximum number of messages"),
    # Our account was stopped, or our greeting is not one they take
    ("sender_refused", 554, "Sending paused for this account. For more information, please check the inbox"),
    ("sender_refused", 554, "Configuration set does not exist: campaigns"),
    ("sender_refused", 550, "5.7.501 Service unavailable. Access denied, spam abuse detected"),
    ("sender_refused", 550, "5.1.8 Access denied, bad outbound sender"),
    ("sender_refused", 550, "The from address does not match a verified Sender Identity."),
    ("sender_refused", 504, "5.5.2 <h>: Helo command rejected: need fully-qualified hostname"),
    ("dead_address", 550, "5.1.1 <x@firma.example>: User unknown. See https://support.proofpoint.example/dnsbl.cgi"),
    # Readers whose names are words of the table
    ("dead_address", 550, "5.1.1 <jane@arc.net.au>: Recipient address rejected: User unknown in virtual mailbox table"),
    ("dead_address", 550, "5.1.1 joe@spamcop.net: no such user"),
    ("dead_address", 550, "5.1.1 <ptr@firma.example>: User unknown"),
    ("dead_address", 550, "5.1.1 <hans.spamer@firma.example>: User unknown"),
    ("dead_address", 550, "5.1.1 <rate-limit@firma.example>: User unknown"),
    ("mailbox_full", 552, "5.2.2 <over.size-limit@spf.example>: mailbox full"),
    ("dead_address", 550, "5.4.4 Host or domain name not found. Name service error for name=arc.net.au type=A"),
    ("dead_address", 550, "5.4.310 DNS domain spamcop.net does not exist"),
    # Amazon SES
    ("rate_limited", 454, "Throttling failure: Maximum sending rate exceeded."),
    ("rate_limited", 454, "Throttling failure: Daily message quota exceeded."),
    ("sender_refused", 554, "Message rejected: Email address is not verified. The following identities failed"),
    # Whoever says little
    ("dead_address", 550, "no such user"),
    ("dead_address", 551, "go away"),
    ("dead_address", 556, "this domain takes no mail"),
    ("mailbox_full", 552, "no"),
    ("permanent_other", 550, "no"),
    ("permanent_other", 550, "5.1.0 address rejected"),
    ("permanent_other", 554, "Transaction failed"),
    ("content_refused", 554, "looks like spam"),
    ("policy", 550, "5.7.1 Message rejected"),
    ("temporary", 421, "too busy"),
    ("rate_limited", 451, "4.7.1 please wait"),
    ("temporary", 450, "5.1.1 nobody here"),
]


@pytest.mark.parametrize(("expected", "code", "text"), CORPUS, ids=[f"{c} {t[:50]}" for _, c, t in CORPUS])
def test_a_reply_is_named_after_what_it_means(expected: str, code: int, text: str) -> None:
    assert classify(code, None, text) == expected


@pytest.mark.parametrize(
    ("enhanced", "text", "expected"),
    [
        ("5.1.1", "", "dead_address"),
        ("5.2.2", "", "mailbox_full"),
        ("4.2.2", "", "mailbox_full"),
        ("5.7.1", "", "policy"),
        ("5.6.0", "", "content_refused"),
        ("4.4.1", "connection timed out", "temporary"),
        ("2.0.0", "", "accepted"),
        (None, "5.1.1 gone", "dead_address"),
        (None, "nothing anybody could read", "temporary"),
        ("what", "", "temporary"),
    ],
)
def test_a_bounce_without_a_code_is_read_by_its_status(enhanced: str | None, text: str, expected: str) -> None:
    assert classify(None, enhanced, text) == expected


def test_the_status_stands_first_in_the_text() -> None:
    assert enhanced_code("5.1.1 no such user") == "5.1.1"
    assert enhanced_code("no such user 5.1.1") is None
    assert enhanced_code("5.1.1.1 is an address") is None


def test_who_is_at_fault_and_what_is_worth_another_try() -> None:
    assert {kind.value for kind in ReplyClass if kind.is_later} == {"rate_limited", "greylisted", "temporary"}
    assert {kind.value for kind in ReplyClass if kind.is_ours} == {"policy", "sender_refused"}
