from pathlib import Path

import pytest

from scheduler import contacts_csv
from scheduler.errors import SchedulerError


def refusals(text: str, **options: str) -> list[tuple[int, str]]:
    found = contacts_csv.parse(text.encode(), **options)
    return [(refusal.line, refusal.reason) for refusal in found.refused]


def test_a_semicolon_file_with_a_byte_order_mark_and_french_headers_is_read() -> None:
    text = "Prénom;Courriel;Tél.;Ville;Consentement\r\nLéa;Lea@Example.org;06 12 34 56 78;Paris;marketing\r\n"
    data = text.encode("utf-8-sig")

    found = contacts_csv.parse(data, country="FR")

    assert found.delimiter == ";"
    assert found.mapping == {
        "Prénom": "first_name",
        "Courriel": "email",
        "Tél.": "phone",
        "Ville": "city",
        "Consentement": "consent",
    }
    [lea] = found.people
    assert (lea.line, lea.first_name, lea.email, lea.phone, lea.city, lea.consent) == (
        2,
        "Léa",
        "lea@example.org",
        "+33612345678",
        "Paris",
        ("marketing",),
    )


def test_a_comma_file_with_quoted_line_breaks_counts_lines_as_an_editor_does() -> None:
    text = 'email,note\nlea@example.org,"two\nlines"\nnobody,x\n'

    assert refusals(text) == [(4, "email: “nobody” is not an e-mail address")]


def test_free_columns_become_typed_facts() -> None:
    text = "email,Points de fidélité,code,ratio,vip,empty\nlea@example.org,12,0123,1.5,TRUE,\n"

    [lea] = contacts_csv.parse(text.encode()).people

    assert lea.facts == {"points_de_fidélité": 12, "code": "0123", "ratio": 1.5, "vip": True}


def test_a_decimal_comma_is_a_number_only_where_semicolons_separate() -> None:
    assert contacts_csv.fact("12,50", decimal_comma=True) == 12.5
    assert contacts_csv.fact("12,50") == "12,50"


def test_an_empty_consent_means_none_and_a_missing_column_means_unknown() -> None:
    with_column = contacts_csv.parse(b"email,consent\nlea@example.org,\nion@example.org,marketing:sms marketing\n")
    without = contacts_csv.parse(b"email\nlea@example.org\n")

    assert [person.consent for person in with_column.people] == [(), ("marketing:sms", "marketing")]
    assert without.people[0].consent is None


def test_no_word_but_the_known_ones_is_taken_for_consent() -> None:
    assert refusals("email,consent\nlea@example.org,oui\n") == [
        (2, "consent: “oui” is not a purpose, expected marketing, marketing:sms or measurement, or nothing")
    ]


def test_every_bad_row_is_refused_with_its_line_and_the_good_ones_are_kept() -> None:
    text = (
        "email;tél;pays;langue;fuseau;anniversaire\n"
        "lea@@example.org;;;;;\n"
        "ana@example.org;12;;;;\n"
        "bob@example.org;;France;;;\n"
        "ion@example.org;;;français;;\n"
        "mia@example.org;;;;;03/04/1990\n"
        "zoe@example.org;06 12 34 56 78;FR;fr;;3.4.1990\n"
        ";;;;;\n"
        ";;;fr;;\n"
    )

    found = contacts_csv.parse(text.encode(), country="FR")

    assert [(one.line, one.reason) for one in found.refused] == [
        (2, "email: “lea@@example.org” is not an e-mail address"),
        (3, "tél: “12” is not a phone number in FR"),
        (4, "pays: “France” is not a country code such as FR"),
        (5, "langue: “français” is not a language code such as fr"),
        (6, "anniversaire: “03/04/1990” is not a day such as 1990-04-03"),
        (9, "neither a mailbox nor a phone number nor a customer number"),
    ]
    assert [(one.email, one.birthday) for one in found.people] == [("zoe@example.org", "1990-04-03")]


def test_a_phone_number_without_country_code_needs_a_country() -> None:
    assert refusals("email,phone\nlea@example.org,06 12 34 56 78\n") == [
        (2, "phone: “06 12 34 56 78” is not a phone number (with its country code, e.g. +33 6 12 34 56 78)")
    ]


def test_the_country_of_the_row_goes_before_that_of_the_campaign() -> None:
    found = contacts_csv.parse(b"phone,country\n0721 234 567,RO\n", country="FR")

    assert found.people[0].phone == "+40721234567"


def test_rows_of_one_mailbox_are_joined_whatever_its_spelling() -> None:
    text = (
        "email,phone,city,consent,points\n"
        "Lea@example.org,+33 6 12 34 56 78,Paris,marketing marketing:sms,1\n"
        "ion@example.org,,,,\n"
        "lea@EXAMPLE.org,+33 6 87 65 43 21,Lyon,marketing,2\n"
    )

    lea, ion = contacts_csv.parse(text.encode()).people

    assert (lea.line, lea.phone, lea.city, lea.consent) == (2, "+33612345678", "Lyon", ("marketing",))
    assert (lea.facts, lea.also) == ({"points": 2}, (("phone", "+33687654321"),))
    assert (ion.email, ion.line) == ("ion@example.org", 3)


def test_the_order_of_joined_rows_does_not_decide_about_consent() -> None:
    rows = ["lea@example.org,marketing", "lea@example.org,"]

    found = [contacts_csv.parse("\n".join(["email,consent", *order]).encode()) for order in (rows, rows[::-1])]

    assert [one.people[0].consent for one in found] == [(), ()]


def test_a_tag_in_a_mailbox_makes_it_another_one() -> None:
    assert len(contacts_csv.parse(b"email\nlea@example.org\nlea+shop@example.org\n").people) == 2


def test_a_row_between_two_people_is_refused_with_both_lines() -> None:
    text = "email,phone\na@example.org,\n,+33612345678\na@example.org,+33612345678\n"

    assert refusals(text) == [(4, "it has the email of line 2, phone of line 3: these are different people")]


def test_facts_are_read_as_the_kind_that_was_said() -> None:
    text = "email;Zip;Points;Since;Vip;Likes;Junk\nlea@example.org;75011;1 234,5;3.4.2020;oui;gold| silver;x\n"
    names = {"Zip": "zip:text", "Points": "points:number", "Since": "since:date", "Vip": "vip:yes-no",
             "Likes": "likes:list", "Junk": "-"}  # fmt: skip

    [lea] = contacts_csv.parse(text.encode(), names=names).people

    assert lea.facts == {
        "zip": "75011",
        "points": 1234.5,
        "since": "2020-04-03",
        "vip": True,
        "likes": ("gold", "silver"),
    }


def test_a_value_that_is_not_of_its_kind_refuses_the_row() -> None:
    found = contacts_csv.parse(
        b"email,n,b\na@example.org,many,\nb@example.org,,perhaps\n", names={"n": "n:number", "b": "b:yes-no"}
    )

    assert [(one.line, one.reason) for one in found.refused] == [
        (2, "n: “many” is not a number"),
        (3, "b: “perhaps” is neither yes nor no"),
    ]


def test_an_unknown_kind_is_refused_with_a_near_name() -> None:
    with pytest.raises(SchedulerError, match="unknown kind 'numbr' of 'n' - did you mean 'number'"):
        contacts_csv.parse(b"email,n\n", names={"n": "n:numbr"})


def test_a_file_that_is_not_utf_8_asks_with_every_reading_that_fits() -> None:
    data = "email;ville\nion@example.org;Iaşi\n".encode("cp1250")

    with pytest.raises(contacts_csv.EncodingQuestion) as asked:
        contacts_csv.parse(data)

    found = {one.encoding: one.samples for one in asked.value.candidates}
    assert found["cp1250"] == ("ion@example.org;Iaşi",)
    assert found["cp1252"] == ("ion@example.org;Iaºi",)
    assert found["cp1251"] == ("ion@example.org;Iaєi",)


def test_encodings_that_read_a_whole_file_alike_are_one_answer() -> None:
    with pytest.raises(contacts_csv.EncodingQuestion) as asked:
        contacts_csv.parse("email;ville\nlea@example.org;Orl\u00e9ans\n".encode("cp1252"))

    assert [one.encoding for one in asked.value.candidates] == ["cp1252", "cp1251", "koi8-r", "mac-roman"]


def test_a_large_file_of_another_encoding_names_the_first_line_in_doubt() -> None:
    data = b"email\n" + b"a@example.org\n" * 100_000 + "é@example.org\n".encode("cp1252")

    with pytest.raises(contacts_csv.EncodingQuestion) as asked:
        contacts_csv.parse(data, source="clients.csv")

    assert asked.value.place is not None
    assert asked.value.place.line == 100_002


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1+2", "@cmd", "\tx"])
def test_no_exported_text_is_a_formula_and_an_import_takes_the_apostrophe_off(value: str) -> None:
    written = contacts_csv.quoted(value)
    [lea] = contacts_csv.parse(f'email,note\nlea@example.org,"{written}"\n'.encode()).people

    assert written == f"'{value}"
    assert lea.facts == {"note": value}


@pytest.mark.parametrize(
    "address", ["a@localhost", "a@-x.org", "a@x", "a..b@example.org", ".a@example.org", "a@b@c.org"]
)
def test_the_quick_way_through_plain_mailboxes_refuses_what_the_library_refuses(address: str) -> None:
    assert refusals(f"email\n{address}\n") == [(2, f"email: “{address}” is not an e-mail address")]


def test_the_same_phone_number_twice_is_refused() -> None:
    text = "email,phone\na@example.org,+33 6 12 34 56 78\nb@example.org,+33612345678\n"

    assert refusals(text) == [(3, "phone: the same as on line 2")]


def test_a_row_with_more_values_than_columns_is_refused() -> None:
    assert refusals("email,city\nlea@example.org,Paris,France\n") == [(2, "3 values for 2 columns")]


def test_another_encoding_is_refused_with_the_byte_and_the_remedy() -> None:
    with pytest.raises(SchedulerError) as refused:
        contacts_csv.parse("email;prénom\nlea@example.org;Léa\n".encode("cp1252"), source="clients.csv")

    assert str(refused.value) == (
        "clients.csv:1: not UTF-8: byte 8 (0xe9) cannot be read - save it as UTF-8, or say: "
        "--encoding cp1252 (Western), cp1250 (Romanian), cp1251 (Russian)"
    )


def test_another_encoding_is_read_when_it_is_named() -> None:
    data = "email;prénom\nion@example.org;Ionuț\n".encode("utf-16")

    assert contacts_csv.parse(data, encoding="utf-16").people[0].first_name == "Ionuț"


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(SchedulerError, match="unknown encoding 'klingon'"):
        contacts_csv.parse(b"email\n", encoding="klingon")


def test_headers_in_russian_and_romanian_are_understood() -> None:
    russian = contacts_csv.parse("Почта,Имя,День рождения\nivan@example.org,Иван,1980-05-06\n".encode()).people[0]
    romanian = contacts_csv.parse("E-mail,Prenume,Oraș\nion@example.org,Ion,Iași\n".encode()).people[0]

    assert (russian.email, russian.first_name, russian.birthday) == ("ivan@example.org", "Иван", "1980-05-06")
    assert (romanian.email, romanian.first_name, romanian.city) == ("ion@example.org", "Ion", "Iași")


def test_a_column_may_be_mapped_by_hand() -> None:
    found = contacts_csv.parse(b"Contact,Shop\nlea@example.org,Paris\n", names={"Contact": "email", "Shop": "city"})

    assert (found.people[0].email, found.people[0].city) == ("lea@example.org", "Paris")


def test_two_columns_with_one_meaning_are_refused() -> None:
    with pytest.raises(SchedulerError) as refused:
        contacts_csv.parse(b"email,courriel\nlea@example.org,x\n", source="clients.csv")

    assert str(refused.value) == (
        "columns 'email' and 'courriel' of clients.csv both mean 'email' - say which: --map courriel=another_name"
    )


def test_an_empty_file_says_what_the_first_line_is_for() -> None:
    with pytest.raises(SchedulerError, match=r"clients\.csv is empty - the first line names the columns"):
        contacts_csv.parse(b"\n\n", source="clients.csv")


def test_an_unclosed_quote_is_an_error_with_its_line() -> None:
    with pytest.raises(SchedulerError, match=r"contacts:2: cannot read the row"):
        contacts_csv.parse(b'email\n"lea@example.org\n')


def test_a_missing_file_is_told_without_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(SchedulerError, match="no such file"):
        contacts_csv.read(tmp_path / "none.csv")


def test_the_facts_of_a_person_leave_out_what_is_unknown() -> None:
    [lea] = contacts_csv.parse(b"email,first_name,city,age,consent\nlea@example.org,,Paris,29,marketing\n").people

    assert lea.as_facts() == {"age": 29, "email": "lea@example.org", "city": "Paris", "consent": ("marketing",)}


def test_a_persona_becomes_a_contact() -> None:
    row = contacts_csv.from_facts(
        {"first_name": "Léa", "email": "Lea@example.org", "age": 29, "consent": ["marketing"], "likes": ["gold"]}
    )

    assert (row.email, row.first_name, row.consent) == ("lea@example.org", "Léa", ("marketing",))
    assert row.facts == {"age": 29, "likes": ("gold",)}


def test_refused_rows_are_written_back_with_line_and_reason() -> None:
    found = contacts_csv.parse(b"email;city\nnobody;Paris\n")

    assert contacts_csv.refused_csv(found, found.refused) == (
        "line;reason;email;city\n2;email: “nobody” is not an e-mail address;nobody;Paris\n"
    )
