"""What the DNS says of a sending domain, asked of a real name server on loopback and judged as receivers judge it."""

from __future__ import annotations

import pytest
from support.name_server import name_server, txt

from scheduler.operations.deliverability import DnsResolver, LookupFailed, Selector, Sending, check

KEY = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
OURS = Selector("e2027", "shop.example", "ed25519", KEY)
ZONE = {
    "shop.example": [txt("v=spf1 include:_spf.relay.example -all"), txt("other=1"), "MX 10 mx1.shop.example.", "MX 20 mx2.shop.example."],
    "_spf.relay.example": [txt("v=spf1 ip4:192.0.2.0/24 ~all")],
    "e2027._domainkey.shop.example": [txt(f"v=DKIM1; k=ed25519; p={KEY}")],
    "_dmarc.shop.example": [txt("v=DMARC1; p=quarantine; rua=mailto:dmarc@shop.example")],
}  # fmt: skip


def look(
    zone: dict[str, list[str]] | None = None, *, failing: frozenset[str] = frozenset(), **sending: object
) -> list[str]:
    """Check shop.example in a world where `zone` stands over ZONE; return `level name message` of each verdict."""
    fields = {"author": "shop.example", "envelope": "shop.example", "selectors": (OURS,), "answers": ("shop.example",)}
    with name_server({**ZONE, **(zone or {})}, failing=failing) as address:
        verdicts = check(Sending(**{**fields, **sending}), DnsResolver(address))  # type: ignore[arg-type]
        return [f"{verdict.level} {verdict.name} {verdict.message}" for verdict in verdicts]


def of(name: str, lines: list[str]) -> str:
    return "; ".join(line for line in lines if line.split(" ")[1] == name)


def test_a_domain_in_order() -> None:
    assert look() == [
        "ok spf shop.example: ends in -all, 1 of 10 look-ups",
        "ok dkim e2027._domainkey.shop.example: Ed25519, our key",
        "ok dmarc shop.example: quarantine, aligned by SPF and DKIM",
        "ok mx shop.example: mx1.shop.example and 1 more",
    ]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], "error spf shop.example: no SPF record"),
        (["v=spf10 -all"], "error spf shop.example: no SPF record"),
        (["v=spf1 -all", "v=spf1 ~all"], "error spf shop.example: 2 SPF records, expected one"),
        (["V=SPF1 a -all"], "ok spf shop.example: ends in -all, 1 of 10 look-ups"),
        (["v=spf1 ip4:192.0.2.1 ~all"], "ok spf shop.example: ends in ~all, 0 of 10 look-ups"),
        (["v=spf1 +all"], "error spf shop.example: it ends in +all, so everybody may send"),
        (["v=spf1 all"], "error spf shop.example: it ends in +all, so everybody may send"),
        (["v=spf1 a ?all"], "warning spf shop.example: it ends in ?all, which says nothing"),
        (["v=spf1 a mx"], "warning spf shop.example: it says nothing of other servers"),
        (["v=spf1 ptr -all"], "warning spf shop.example: it uses ptr, which receivers may ignore"),
        (["v=spf1 ip4:2001:db8::1 -all"], "error spf shop.example: cannot read ip4:2001:db8::1: it is no IPv4 address"),
        (["v=spf1 ip4:192.0.2.500 -all"], "error spf shop.example: cannot read ip4:192.0.2.500"),
        (["v=spf1 inclde:relay.example -all"], "error spf shop.example: cannot read 'inclde:relay.example'"),
        (["v=spf1 include:gone.example -all"], "error spf shop.example: it refers to gone.example, which has no SPF record"),
        (["v=spf1 include:shop.example -all"], "error spf shop.example: shop.example refers to itself"),
        (["v=spf1 redirect=_spf.relay.example"], "ok spf shop.example: ends in ~all, 1 of 10 look-ups"),
        (["v=spf1 x=1 ip4:192.0.2.1 -all"], "ok spf shop.example: ends in -all, 0 of 10 look-ups"),
        (["v=spf1 -all"], "error spf shop.example: it lets nobody send"),
        (["v=spf1 ?all"], "error spf shop.example: it lets nobody send"),
        (["v=spf1 -ip4:192.0.2.1 ~a -all"], "error spf shop.example: it lets nobody send"),
        (["v=spf1 -all a"], "error spf shop.example: it lets nobody send"),
        (["v=spf1 exists:%{i}.list.example -all"], "ok spf shop.example: ends in -all, 1 of 10 look-ups"),
        (["v=spf1 " + "a " * 11 + "-all"], "error spf shop.example: it takes more than 10 look-ups, and receivers stop there"),
    ],
)  # fmt: skip
def test_spf_is_read_as_receivers_read_it(records: list[str], expected: str) -> None:
    assert of("spf", look({"shop.example": [*(txt(text) for text in records), "MX 10 mx.shop.example."]})) == expected


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], "error dkim e2027._domainkey.shop.example: no record"),
        (["v=DKIM1; p=", "v=DKIM1; p=x"], "error dkim e2027._domainkey.shop.example: 2 records, expected one"),
        (["v=DKIM1; k=ed25519; p="], "error dkim e2027._domainkey.shop.example: the key was withdrawn (p= is empty)"),
        ([f"k=ed25519; p={KEY}"], "ok dkim e2027._domainkey.shop.example: Ed25519, our key"),
        ([f" v = DKIM1 ;k=ed25519;n=x; p={KEY[:9]} {KEY[9:]} ; "], "ok dkim e2027._domainkey.shop.example: Ed25519, our key"),
        ([f"k=ed25519; v=DKIM1; p={KEY}"], "error dkim e2027._domainkey.shop.example: cannot read 'k=ed25519; v=DKIM1; p=A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdy...'"),
        ([f"v=DKIM1; p={KEY}"], "error dkim e2027._domainkey.shop.example: it is not the key that we sign with"),
        ([f"v=DKIM1; k=ed25519; p=B{KEY[1:]}"], "error dkim e2027._domainkey.shop.example: it is not the key that we sign with"),
        ([f"v=DKIM2; k=ed25519; p={KEY}"], "error dkim e2027._domainkey.shop.example: cannot read 'v=DKIM2; k=ed25519; p=A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdy...'"),
        ([f"v=DKIM1; k=ed25519; t=y; p={KEY}"], "warning dkim e2027._domainkey.shop.example: t=y says that signatures are only a test"),
        ([f"v=DKIM1; k=ed25519; h=sha1; p={KEY}"], "error dkim e2027._domainkey.shop.example: h=sha1 keeps it from being used for mail"),
        ([f"v=DKIM1; k=ed25519; s=other; p={KEY}"], "error dkim e2027._domainkey.shop.example: s=other keeps it from being used for mail"),
    ],
)  # fmt: skip
def test_the_record_of_our_selector_must_be_that_of_our_key(records: list[str], expected: str) -> None:
    found = look({"e2027._domainkey.shop.example": [txt(text) for text in records]})

    assert of("dkim", found) == expected


NOBODY = {"shop.example": [txt("v=spf1 -all"), "MX 10 mx1.shop.example."]}


def test_by_a_provider_spf_speaks_for_nobody_since_the_return_path_is_the_provider_s() -> None:
    unseen = "warning dmarc shop.example: whether the provider speaks for it cannot be seen, its return path is its own"

    assert of("dmarc", look(by_provider=True)) == "ok dmarc shop.example: quarantine, aligned by DKIM"
    assert of("dmarc", look(by_provider=True, selectors=())) == unseen
    assert of("dmarc", look(selectors=())) == "ok dmarc shop.example: quarantine, aligned by SPF"


def test_a_record_that_lets_nobody_send_does_less_harm_where_a_provider_signs() -> None:
    lets_nobody = "spf shop.example: it lets nobody send"

    assert of("spf", look(NOBODY, by_provider=True)) == f"warning {lets_nobody}"
    assert of("spf", look(NOBODY, by_provider=True, selectors=())) == f"error {lets_nobody}"
    assert of("spf", look(NOBODY)) == f"error {lets_nobody}"


def test_a_selector_of_the_mail_server_is_looked_up_without_its_key() -> None:
    theirs = Selector("s1", "shop.example")
    short = {"s1._domainkey.shop.example": [txt("v=DKIM1; p=" + "A" * 216)]}
    long = {"s1._domainkey.shop.example": [txt("v=DKIM1; p=" + "A" * 392)]}

    assert of("dkim", look(selectors=(theirs,))) == "error dkim s1._domainkey.shop.example: no record"
    assert of("dkim", look(short, selectors=(theirs,))) == (
        "warning dkim s1._domainkey.shop.example: the RSA key is shorter than 2048 bits"
    )
    assert of("dkim", look(long, selectors=(theirs,))) == (
        "ok dkim s1._domainkey.shop.example: RSA, a key of the mail server"
    )


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], "error dmarc shop.example: no record, which large mailbox providers ask for"),
        (["v=DMARC1; p=none"], "ok dmarc shop.example: none, aligned by SPF and DKIM"),
        (["v=DMARC1;p=reject;adkim=s;aspf=s"], "ok dmarc shop.example: reject, aligned by SPF and DKIM"),
        (["v=DMARC1; p=reject; t=y"], "ok dmarc shop.example: quarantine, a test (t=y), aligned by SPF and DKIM"),
        (["v=DMARC1; p=reject; pct=50; rf=afrf; ri=86400; colour=blue"], "ok dmarc shop.example: reject, aligned by SPF and DKIM"),
        (["v=DMARC1; rua=mailto:a@shop.example"], "warning dmarc shop.example: no p=, which counts as p=none"),
        (["v=DMARC1; p=refuse"], "warning dmarc shop.example: p=refuse, which counts as p=none"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], "error dmarc shop.example: no record, which large mailbox providers ask for"),
        (["p=none; v=DMARC1"], "error dmarc shop.example: no record, which large mailbox providers ask for"),
        (["v=dmarc1; p=none"], "error dmarc shop.example: no record, which large mailbox providers ask for"),
    ],
)  # fmt: skip
def test_dmarc_is_read_by_the_rfc_of_2026(records: list[str], expected: str) -> None:
    assert of("dmarc", look({"_dmarc.shop.example": [txt(text) for text in records]})) == expected


@pytest.mark.parametrize(
    ("author", "signs", "zone", "expected"),
    [
        # A subdomain is of the organisation whose record stands highest.
        ("news.shop.example", "shop.example", {"_dmarc.shop.example": "v=DMARC1; p=reject; sp=none"},
         "ok dmarc news.shop.example by shop.example: none, aligned by SPF and DKIM"),
        ("news.shop.example", "mail.shop.example", {"_dmarc.shop.example": "v=DMARC1; p=reject"},
         "ok dmarc news.shop.example by shop.example: reject, aligned by SPF and DKIM"),
        # Its own record stands over that of the organisation.
        ("news.shop.example", "shop.example", {"_dmarc.shop.example": "v=DMARC1; p=reject", "_dmarc.news.shop.example": "v=DMARC1; p=none"},
         "ok dmarc news.shop.example: none, aligned by SPF and DKIM"),
        # Strict alignment wants the very domain.
        ("news.shop.example", "shop.example", {"_dmarc.shop.example": "v=DMARC1; p=reject; adkim=s"},
         "ok dmarc news.shop.example by shop.example: reject, aligned by SPF"),
        # psd=n ends the organisation here, whatever stands above.
        ("news.shop.example", "shop.example", {"_dmarc.news.shop.example": "v=DMARC1; p=none; psd=n", "_dmarc.shop.example": "v=DMARC1; p=reject"},
         "ok dmarc news.shop.example: none, aligned by SPF"),
        # A registry's psd=y makes neighbours strangers, and its record holds where they have none.
        ("news.shop.gov.example", "shop.gov.example", {"_dmarc.gov.example": "v=DMARC1; p=quarantine; psd=y"},
         "ok dmarc news.shop.gov.example by gov.example: quarantine, aligned by SPF and DKIM"),
        ("shop.gov.example", "other.gov.example", {"_dmarc.gov.example": "v=DMARC1; p=quarantine; psd=y"},
         "ok dmarc shop.gov.example by gov.example: quarantine, aligned by SPF"),
        # No record above either domain: each is an organisation of its own.
        ("news.shop.test", "shop.test", {}, "error dmarc news.shop.test: no record, which large mailbox providers ask for"),
        # From eight labels and more the walk jumps to seven.
        ("a.b.c.d.e.f.g.shop.example", "shop.example", {"_dmarc.c.d.e.f.g.shop.example": "v=DMARC1; p=none; psd=n", "_dmarc.b.c.d.e.f.g.shop.example": "v=DMARC1; p=reject; psd=n"},
         "ok dmarc a.b.c.d.e.f.g.shop.example by c.d.e.f.g.shop.example: none, aligned by SPF"),
    ],
)  # fmt: skip
def test_the_organisation_of_a_domain_is_found_by_walking_up(
    author: str, signs: str, zone: dict[str, str], expected: str
) -> None:
    names = {name: [txt(text)] for name, text in zone.items()}
    there = {author: ["A 192.0.2.1"], "_dmarc.shop.example": [], **names}

    found = look(there, author=author, envelope=author, selectors=(Selector("s1", signs),), answers=(author,))

    assert of("dmarc", found) == expected


def test_a_name_that_is_not_in_the_dns_is_under_np() -> None:
    found = look({"_dmarc.shop.example": [txt("v=DMARC1; p=none; sp=none; np=reject")]}, author="nws.shop.example")

    assert of("dmarc", found) == (
        "warning dmarc nws.shop.example by shop.example: the name is not in the DNS, np= asks for reject"
    )


def test_neither_spf_nor_dkim_speaks_for_a_domain_of_others() -> None:
    strangers = {
        "_dmarc.relay.example": [txt("v=DMARC1; p=none")],
        "relay.example": [txt("v=spf1 -all"), "MX 1 mx.relay.example."],
    }

    found = look(strangers, envelope="relay.example", selectors=(Selector("s1", "relay.example"),))

    assert of("dmarc", found) == "error dmarc shop.example: neither SPF nor DKIM speaks for it"


def test_reports_must_be_welcome_where_they_go() -> None:
    elsewhere = {"_dmarc.shop.example": [txt("v=DMARC1; p=none; rua=mailto:a@reports.example!10m,https://x.example")]}
    welcome = {"shop.example._report._dmarc.reports.example": [txt("v=DMARC1")]}

    assert "warning dmarc shop.example: reports.example takes no reports for it" in look(elsewhere)
    assert of("dmarc", look({**elsewhere, **welcome})) == "ok dmarc shop.example: none, aligned by SPF and DKIM"


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], "error mx shop.example takes no mail: answers and bounces are lost"),
        (["MX 0 ."], "error mx shop.example takes no mail: answers and bounces are lost"),
        (["A 192.0.2.1"], "warning mx shop.example has no MX record, only an address"),
        (["AAAA 2001:db8::1"], "warning mx shop.example has no MX record, only an address"),
        (["MX 20 b.example.", "MX 10 a.example."], "ok mx shop.example: a.example and 1 more"),
    ],
)
def test_people_must_be_able_to_answer(records: list[str], expected: str) -> None:
    assert of("mx", look({"shop.example": [txt("v=spf1 -all"), *records]})) == expected


SERVER = {
    "smtp.shop.example": ["A 8.8.8.8"],
    "8.8.8.8.in-addr.arpa": ["PTR smtp.shop.example."],
    "shop.example": [txt("v=spf1 ip4:8.8.8.0/24 -all"), "MX 10 mx1.shop.example."],
}


@pytest.mark.parametrize(
    ("zone", "server", "expected"),
    [
        ({}, "smtp.shop.example", ["ok ptr smtp.shop.example: 8.8.8.8 is smtp.shop.example and back"]),
        ({"8.8.8.8.in-addr.arpa": []}, "smtp.shop.example", ["error ptr smtp.shop.example: 8.8.8.8 has no name"]),
        ({"8.8.8.8.in-addr.arpa": ["PTR pool8.isp.example."]}, "smtp.shop.example",
         ["error ptr smtp.shop.example: 8.8.8.8 has the name pool8.isp.example, which has another address"]),
        ({"shop.example": [txt("v=spf1 ip4:9.9.9.9 -all")]}, "smtp.shop.example",
         ["ok ptr smtp.shop.example: 8.8.8.8 is smtp.shop.example and back", "error spf shop.example: smtp.shop.example (8.8.8.8) may not send"]),
        ({"shop.example": [txt("v=spf1 a:smtp.shop.example -all")]}, "smtp.shop.example",
         ["ok ptr smtp.shop.example: 8.8.8.8 is smtp.shop.example and back"]),
        ({"shop.example": [txt("v=spf1 mx -all"), "MX 1 smtp.shop.example."]}, "smtp.shop.example",
         ["ok ptr smtp.shop.example: 8.8.8.8 is smtp.shop.example and back"]),
        ({"shop.example": [txt("v=spf1 a/24 -all")]}, "smtp.shop.example",
         ["ok ptr smtp.shop.example: 8.8.8.8 is smtp.shop.example and back"]),
        # From which addresses a provider sends, the name of its server does not say; and here nobody knows.
        ({}, "smtp.relay.example", []), ({}, "127.0.0.1", []), ({}, "localhost", []), ({"smtp.shop.example": ["A 10.0.0.1"]}, "smtp.shop.example", []),
    ],
)  # fmt: skip
def test_a_server_of_our_own_has_a_name_and_may_send(
    zone: dict[str, list[str]], server: str, expected: list[str]
) -> None:
    found = look({**SERVER, **zone}, server=server)

    assert [line for line in found if " ptr " in line or "may not send" in line] == expected


def test_a_record_that_cannot_be_looked_up_is_told_and_the_others_still_judged() -> None:
    found = look(failing=frozenset({"_dmarc.shop.example"}))

    assert [line.split(" ")[:2] for line in found] == [
        ["ok", "spf"],
        ["ok", "dkim"],
        ["warning", "dmarc"],
        ["ok", "mx"],
    ]
    assert found[2].startswith("warning dmarc cannot look up _dmarc.shop.example: ")


def test_a_name_server_that_does_not_answer_is_asked_once() -> None:
    with name_server(ZONE, silent=True) as address:
        resolver = DnsResolver(address, seconds=0.2)
        verdicts = list(check(Sending("shop.example", "shop.example", (OURS,)), resolver))

    assert [(verdict.level, verdict.message) for verdict in verdicts] == [
        ("warning", "cannot look up shop.example: no answer in time")
    ]


def test_a_name_that_cannot_stand_in_the_dns_is_told() -> None:
    with name_server(ZONE) as address, pytest.raises(LookupFailed, match=r"cannot look up a{70}"):
        DnsResolver(address).texts("a" * 70 + ".example")
