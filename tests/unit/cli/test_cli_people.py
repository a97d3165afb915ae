from datetime import UTC, datetime

from campaigns import loader
from scheduler import contacts_csv, people

NOW = datetime(2026, 11, 20, tzinfo=UTC)
CAMPAIGN = """
campaign: spring
audience: city = 'Paris'
senders: {email: Shop <hello@shop.example>, postal_address: Paris, unsubscribe: "mailto:stop@shop.example"}
stages:
  - stage: hello
    kind: awareness
    when: early january
    touches:
      - {id: post, channel: instagram, text: hello}
      - {id: mail, channel: email, subject: hello, text: hello}
      - {id: young, channel: email, audience: age < 30, subject: hello, text: hello}
      - {id: text, channel: sms, text: hello}
      - {id: thanks, channel: email, purpose: transactional, on: purchase, subject: hello, text: hello}
"""
PEOPLE = b"""email,phone,city,age,consent
lea@example.org,+33612345678,Paris,29,marketing
karim@example.org,+33612345679,Paris,41,marketing:email
zoe@example.org,,Paris,35,
ion@example.org,,Bucuresti,25,marketing
,+33612345670,Paris,22,marketing:sms
"""


def counted() -> people.PeopleCounts:
    return people.count(loader.load(CAMPAIGN), contacts_csv.parse(PEOPLE).people, NOW, source="people.csv")


def test_people_are_counted_by_audience_channel_and_consent() -> None:
    counts = counted()

    assert (counts.contacts, counts.audience, counts.no_consent) == (5, 4, 1)
    assert counts.by_channel == {"email": 2, "sms": 2}


def test_a_touch_reaches_those_with_an_address_and_consent_in_its_own_audience() -> None:
    assert counted().touches == {"mail": 2, "young": 1, "text": 2, "thanks": 4}
