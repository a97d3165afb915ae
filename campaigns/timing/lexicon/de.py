"""The German words of timing phrases, in the cases that phrases need."""

from __future__ import annotations

from campaigns.timing.lexicon import cldr
from campaigns.timing.lexicon.names import de
from campaigns.timing.lexicon.table import Kind, Lexicon, spellings
from campaigns.timing.model import Part, Period, PeriodUnit, Unit

_SMALL = [
    "null",
    "eins",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
]
_TENS = {
    20: "zwanzig",
    30: "dreißig",
    40: "vierzig",
    50: "fünfzig",
    60: "sechzig",
    70: "siebzig",
    80: "achtzig",
    90: "neunzig",
}
_MONTHS = (
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
)


def _adjective(stem: str) -> str:
    """Return a word such as "nächste" in the forms that phrases need."""
    return " | ".join(f"{stem}{ending}" for ending in ("e", "en", "er", "es", "em"))


def _half(which: str, whole: str) -> str:
    return " | ".join(f"{form.strip()} {whole}hälfte" for form in _adjective(which).split("|"))


GERMAN = Lexicon(
    language="de",
    name="German",
    months=spellings(
        cldr.MONTHS["de"],
        {
            0: "Januars | Jänner | Jän",
            1: "Februars | Feber",
            3: "Aprils",
            4: "Mais",
            5: "Junis",
            6: "Julis",
            7: "Augusts",
            8: "Septembers",
            9: "Oktobers",
            10: "Novembers",
            11: "Dezembers",
        },
    ),
    weekdays=spellings(
        cldr.WEEKDAYS["de"],
        {
            0: "Montage",
            1: "Dienstage",
            2: "Mittwoche",
            3: "Donnerstage",
            4: "Freitage",
            5: "Samstage | Sonnabend",
            6: "Sonntage",
        },
    ),
    numbers={
        **dict(enumerate(_SMALL)),
        1: "eins | ein | eine | einen | einem | einer | eines",
        2: "zwei | zwo",
        **_TENS,
        **{
            ten + unit: f"{'ein' if unit == 1 else _SMALL[unit]}und{word}"
            for ten, word in _TENS.items()
            for unit in range(1, 10)
        },
        100: "hundert | einhundert",
    },
    ordinals={
        1: _adjective("erst"),
        2: _adjective("zweit"),
        3: _adjective("dritt"),
        4: _adjective("viert"),
        5: _adjective("fünft"),
        -1: _adjective("letzt"),
    },
    units={
        (Unit.MINUTE, 1): "Minute | Minuten | Min",
        (Unit.HOUR, 1): "Stunde | Stunden | Std | h",
        (Unit.DAY, 1): "Tag | Tage | Tagen | Tages | Kalendertag | Kalendertage | Kalendertagen",
        (Unit.BUSINESS_DAY, 1): "Arbeitstag | Arbeitstage | Arbeitstagen | Arbeitstages",
        (Unit.OPEN_DAY, 1): "Werktag | Werktage | Werktagen | Werktages",
        (Unit.WEEK, 1): "Woche | Wochen",
        (Unit.MONTH, 1): "Monat | Monate | Monaten | Monats | Monates",
        (Unit.MONTH, 3): "Quartal | Quartale | Quartalen | Quartals | Vierteljahr",
        (Unit.MONTH, 6): "Halbjahr | Halbjahre | Halbjahren",
        (Unit.YEAR, 1): "Jahr | Jahre | Jahren | Jahres",
    },
    parts={
        Part.START: "Anfang | Beginn",
        Part.MIDDLE: "Mitte",
        Part.END: "Ende",
        Part.FIRST_HALF: " | ".join(f"{form.strip()} Hälfte" for form in _adjective("erst").split("|")),
        Part.SECOND_HALF: " | ".join(f"{form.strip()} Hälfte" for form in _adjective("zweit").split("|")),
    },
    periods={
        **{
            Period(part, PeriodUnit.MONTH, number): _half(which, month)
            for number, month in enumerate(_MONTHS, 1)
            for part, which in ((Part.FIRST_HALF, "erst"), (Part.SECOND_HALF, "zweit"))
        },
        Period(Part.FIRST_HALF, PeriodUnit.MONTH): _half("erst", "Monats"),
        Period(Part.SECOND_HALF, PeriodUnit.MONTH): _half("zweit", "Monats"),
        Period(Part.START, PeriodUnit.MONTH): "Monatsanfang | Monatsbeginn",
        Period(Part.MIDDLE, PeriodUnit.MONTH): "Monatsmitte",
        Period(Part.END, PeriodUnit.MONTH): "Monatsende",
        Period(Part.START, PeriodUnit.WEEK): "Wochenanfang | Wochenbeginn",
        Period(Part.MIDDLE, PeriodUnit.WEEK): "Wochenmitte",
        Period(Part.START, PeriodUnit.YEAR): "Jahresanfang | Jahresbeginn",
        Period(Part.MIDDLE, PeriodUnit.YEAR): "Jahresmitte",
        Period(Part.END, PeriodUnit.YEAR): "Jahresende",
        Period(Part.FIRST_HALF, PeriodUnit.YEAR): "erstes Halbjahr | ersten Halbjahr | erste Jahreshälfte | "
        "ersten Jahreshälfte",
        Period(Part.SECOND_HALF, PeriodUnit.YEAR): "zweites Halbjahr | zweiten Halbjahr | zweite Jahreshälfte | "
        "zweiten Jahreshälfte",
    },
    words={
        Kind.ARTICLE: "der | die | das | den | dem | des",
        Kind.OF: "des | der | von | vom",
        Kind.IN: "in | im",
        Kind.AT: "um | gegen",
        Kind.ON: "am | an | zu | zum | zur",
        Kind.DURING: "im Laufe des | im Laufe der | im Verlauf des | während des | während der | während",
        Kind.AND: "und",
        Kind.OR: "oder",
        Kind.TO: "bis | bis zum | bis zur",
        Kind.FROM: "von | vom",
        Kind.BETWEEN: "zwischen",
        Kind.ORDINAL_SUFFIX: "te | ten | ter",
        Kind.HOUR_MARK: "Uhr | h",
        Kind.AM: "morgens | vormittags | früh",
        Kind.PM: "abends | nachmittags",
        Kind.LATER_BEFORE: "in | nach",
        Kind.LATER: "später | danach",
        Kind.FROM_HERE: "in",
        Kind.MORE: f"{_adjective('weiter')} | zusätzlich | {_adjective('zusätzlich')}",
        Kind.AFTER: "nach",
        Kind.BEFORE: "vor",
        Kind.AGO: "vor",
        Kind.BY: (
            "bis | bis zum | bis zur | bis spätestens | bis spätestens zum | spätestens | spätestens am | "
            "spätestens bis | spätestens bis zum | spätestens zum"
        ),
        Kind.SINCE: "nach",
        Kind.STARTING: "ab | ab dem | ab der | ab den",
        Kind.ONWARD: "an",
        Kind.PER: "pro | in",
        Kind.BEFORE_DAY: (
            "am | zum | bis zum | ab dem | um den | etwa am | ungefähr am | spätestens am | spätestens zum | "
            "spätestens bis zum"
        ),
        Kind.WEEKEND: "Wochenende | Wochenendes",
        Kind.ABOUT: "um den | um die | um das | rund um | ungefähr am | ungefähr | etwa am | etwa | gegen | um",
        Kind.AROUND: "herum",
        Kind.WITHIN: "innerhalb von | innerhalb | binnen | innerhalb eines Zeitraums von",
        Kind.WITHIN_NEXT: "innerhalb der | innerhalb des | in den | während der | binnen der",
        Kind.NOW: (
            "so bald wie möglich | sobald wie möglich | so schnell wie möglich | schnellstmöglich | baldmöglichst | "
            "sofort | umgehend | unverzüglich | jetzt"
        ),
        Kind.LAUNCH: "Start | Start der Kampagne | Kampagnenstart | Beginn der Kampagne",
        Kind.CAMPAIGN_END: "Ende der Kampagne | Kampagnenende",
        Kind.PREVIOUS: (
            "vorherigen Schritt | vorheriger Schritt | vorigen Schritt | vorherige Phase | vorherigen Phase | "
            "vorherige Stufe | vorherigen Stufe | vorherige Nachricht | vorherigen Nachricht"
        ),
        Kind.OFFER_END: (
            "Ende des Angebots | Ablauf des Angebots | Ende der Aktion | Angebotsende | Angebotsendes | Frist | "
            "Fristende | Aktionsende"
        ),
        Kind.THE_DAY: "Tag X | große Tag | großen Tag",
        Kind.COUNTDOWN: "T",
        Kind.TOMORROW: "morgen",
        Kind.OVERMORROW: "übermorgen",
        Kind.NEXT_DAY: "nächsten Tag | nächster Tag | folgenden Tag | Folgetag | Tag darauf",
        Kind.DAY_BEFORE: "Tag vor | Vortag von | Vortag des | Vorabend von | Vorabend des",
        Kind.DAY_AFTER: "Tag nach",
        Kind.NEXT: " | ".join(_adjective(stem) for stem in ("nächst", "kommend", "folgend")),
        Kind.THIS: "diese | diesen | dieser | dieses | diesem",
        Kind.LAST: _adjective("letzt"),
        Kind.EXPECTED: f"{_adjective('erwartet')} | {_adjective('voraussichtlich')}",
        Kind.OVERDUE: _adjective("überfällig"),
        Kind.CUSTOMER: "des Kunden | der Kundin | des Kontakts",
        Kind.QUARTER: "Quartal | Quartals | Q",
        Kind.EVERY: "jeden | jede | jedes | jeder | jedem | an jedem | alle",
        Kind.TIMES: "mal | Male",
        Kind.UNTIL: "bis | bis zum | bis zur",
        Kind.FOR: "für | lang",
        Kind.WORKDAYS: "Wochentag | Wochentags | Wochentage",
    },
    every_unit={
        (Unit.DAY, 1): "täglich",
        (Unit.WEEK, 1): "wöchentlich",
        (Unit.WEEK, 2): "vierzehntäglich | zweiwöchentlich",
        (Unit.MONTH, 1): "monatlich",
        (Unit.MONTH, 3): "vierteljährlich",
        (Unit.YEAR, 1): "jährlich",
    },
    every_weekday=(
        "montags",
        "dienstags",
        "mittwochs",
        "donnerstags",
        "freitags",
        "samstags | sonnabends",
        "sonntags",
    ),
    many_times={value: f"{word}mal" for value, word in enumerate(("ein", *_SMALL[2:13]), 1)},
    clocks={0: "Mitternacht", 12: "Mittag | zwölf Uhr mittags"},
    events={
        "purchase": "Kauf | Kaufs | Einkauf | Bestellung | Zahlung",
        "cart_abandoned": "Warenkorbabbruch | abgebrochener Warenkorb | abgebrochenen Warenkorb | Warenkorb",
        "delivered": "Lieferung | Zustellung",
        "signup": "Anmeldung | Registrierung",
        "review": "Bewertung",
        "bad_experience": "schlechte Erfahrung | schlechten Erfahrung",
        "complaint": "Beschwerde | Reklamation",
        "bounce": "Bounce",
        "unsubscribe": "Abmeldung",
        "opened": "Öffnung",
        "clicked": "Klick",
        "redeemed": "Einlösung | Einlösung des Gutscheins",
        "birthday": "Geburtstag | Geburtstags",
        "anniversary": "Jahrestag | Jubiläum",
    },
    occasions=de.NAMES,
    month_weeks=tuple(f"{month}woche | {month}wochen" for month in _MONTHS),
    instead_of_weekend="name the day, e.g. 'nächsten Samstag', or 'das Wochenende vor Weihnachten'",
    dotted_dates=True,
    refused={
        "irgendwann": "say when, e.g. 'Anfang Januar' or '3 Tage später'",
        "bald": "say how soon, e.g. 'innerhalb der nächsten 48 Stunden' or 'so bald wie möglich'",
        "demnächst": "say how soon, e.g. 'innerhalb der nächsten 48 Stunden' or 'so bald wie möglich'",
        "gestern": "a campaign has no past: write 'später', 'nach' or 'vor' something",
        "Frühling": "seasons begin on different days: name the months, e.g. 'vom 1. März bis 31. Mai'",
        "Frühjahr": "seasons begin on different days: name the months, e.g. 'vom 1. März bis 31. Mai'",
        "Sommer": "seasons begin on different days: name the months, e.g. 'vom 1. Juni bis 31. August'",
        "Herbst": "seasons begin on different days: name the months, e.g. 'vom 1. September bis 30. November'",
        "Winter": "seasons begin on different days: name the months, e.g. 'vom 1. Dezember bis 28. Februar'",
    },
    loose=dict.fromkeys(("acht Tage", "acht Tagen"), "'acht Tage' is read as 8 days; for a week write 'eine Woche'"),
    umlauts=True,
    examples=(
        "so bald wie möglich",
        "zum Start der Kampagne",
        "Anfang Januar",
        "Mitte Januar",
        "Ende Januar",
        "erste Januarhälfte",
        "im Laufe des Januars",
        "Anfang nächster Woche",
        "Ende nächsten Monats",
        "erstes Halbjahr 2028",
        "3 Tage später",
        "in 3 Tagen",
        "drei bis fünf Tage später",
        "nach weiteren drei bis fünf Tagen",
        "innerhalb der nächsten 48 Stunden",
        "innerhalb von 3 Tagen",
        "10 Tage vor dem Valentinstag",
        "T-10",
        "2 Tage nach dem Kauf",
        "elf Monate nach dem letzten Kauf",
        "5 Tage vor der erwarteten Bestellung",
        "am Tag vor Weihnachten",
        "2 Tage vor dem Ende des Angebots",
        "3 Tage nach dem vorherigen Schritt",
        "spätestens am 14. Februar",
        "vor Ostern",
        "nach dem 14. Februar",
        "14. Februar",
        "am 14. Februar um 9:30 Uhr",
        "vom 20. Dezember bis zum 5. Januar",
        "zwischen Kauf und Lieferung",
        "nächsten Montag",
        "am ersten Montag im Februar",
        "erste Januarwoche",
        "am 15.",
        "ab dem 1. März",
        "das Wochenende vor Weihnachten",
        "der Freitag vor Ostern",
        "am letzten Freitag im November",
        "morgen um 9 Uhr",
        "am nächsten Tag",
        "am nächsten Arbeitstag",
        "am letzten Tag des Monats",
        "am Geburtstag des Kunden",
        "jeden Montag bis Ostern",
        "alle 30 Tage, 3 Mal",
        "am ersten Montag jedes Monats",
    ),
)
