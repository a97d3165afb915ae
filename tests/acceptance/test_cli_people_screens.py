"""`campaign contacts` about people's data: importing what needs an answer, exporting, merging, erasing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.terminal import Shop, at_terminal

CLIENTS = "email,Petit nom,phone\nlea@example.org,Léa,+33612345678\nnobody,x,\nLEA@example.org,,+33687654321\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch)


def test_an_import_puts_refused_rows_aside_and_joins_the_others(shop: Shop) -> None:
    shop.write("clients.csv", CLIENTS)

    text = shop.shown("contacts", "import", "clients.csv", "--yes", "--map", "Petit nom=first_name")

    assert text.splitlines()[:8] == [
        "clients.csv: 3 rows, “,” separated, utf-8",
        "  email  Petit nom → first_name  phone",
        "  Léa  lea@example.org  +33612345678  –",
        "1 new, 0 already known (0 will change), 1 refused → clients.refused.csv",
        "  1 row joined with an earlier one of the same mailbox",
        "  line 3   email: “nobody” is not an e-mail address",
        "! nobody of them has given consent: no marketing reaches them",
        "  who has agreed: `marketing` in a column `consent`",
    ]
    aside = (shop.folder / "clients.refused.csv").read_text(encoding="utf-8")
    assert aside == ("line,reason,email,Petit nom,phone\n3,email: “nobody” is not an e-mail address,nobody,x,\n")
    assert shop.json("contacts", "show", "+33687654321")["facts"]["first_name"] == "Léa"


def test_the_same_file_again_changes_nothing(shop: Shop) -> None:
    shop.write("clients.csv", CLIENTS)
    shop.done("contacts", "import", "clients.csv", "--yes")

    found = shop.json("contacts", "import", "clients.csv", "--yes")

    assert (found["new"], found["updated"], found["unchanged"], found["joined"]) == (0, 0, 1, 1)


def test_an_import_says_whose_own_word_stands_against_the_file(shop: Shop) -> None:
    shop.write("clients.csv", "email,consent\nlea@example.org,marketing:sms\n")
    shop.done("contacts", "import", "clients.csv", "--yes")
    shop.done("contacts", "consent", "lea@example.org", "marketing:sms", "--withdrawn")

    text = shop.shown("contacts", "import", "clients.csv", "--yes")

    assert text.splitlines()[3:] == [
        "0 new, 1 already known (0 will change), 0 refused",
        "! what 1 person said of consent themselves stands against the file",
        "  who has said otherwise since: `campaign contacts consent`",
        "Nothing to import: everybody is known as they are.",
    ]
    assert shop.json("contacts", "import", "clients.csv", "--yes")["settled"] == 1


def test_a_file_whose_every_row_is_refused_is_not_said_to_be_known(shop: Shop) -> None:
    shop.write("yes.csv", "email,consent\nlea@example.org,yes\n")

    result = shop.run("contacts", "import", "yes.csv", "--yes")

    assert result.exit_code == 1
    assert result.output.splitlines()[2:] == [
        "0 new, 0 already known (0 will change), 1 refused → yes.refused.csv",
        "  line 2   consent: “yes” is not a purpose, expected marketing, marketing:sms or measurement, or nothing",
        "Nothing to import: every row was refused.",
    ]


def test_all_or_nothing_imports_nothing_while_a_row_is_refused(shop: Shop) -> None:
    shop.write("clients.csv", CLIENTS)

    result = shop.run("contacts", "import", "clients.csv", "--yes", "--all-or-nothing")

    assert result.exit_code == 3
    assert "1 row is refused: nothing was imported - mend clients.refused.csv" in result.stderr.replace("\n", " ")
    assert not (shop.folder / "var" / "campaign.db").exists()


def test_all_or_nothing_undoes_what_a_clash_with_known_people_would_leave_half_done(shop: Shop) -> None:
    shop.write("a.csv", "email,phone\nlea@example.org,\n,+33612345678\n")
    shop.done("contacts", "import", "a.csv", "--yes")
    shop.write("b.csv", "email,phone\nnew@example.org,\nlea@example.org,+33612345678\n")

    refused = shop.run("contacts", "import", "b.csv", "--yes", "--all-or-nothing")
    before = shop.json("contacts", "list")["total"]
    shop.done("contacts", "import", "b.csv", "--yes")

    assert (refused.exit_code, before, shop.json("contacts", "list")["total"]) == (3, 2, 3)


def test_a_file_in_another_encoding_is_asked_about_with_its_own_lines(shop: Shop) -> None:
    (shop.folder / "old.csv").write_bytes("email;ville\nion@example.org;Iaşi\n".encode("cp1250"))

    seen = at_terminal(shop.folder, "contacts", "import", "old.csv", typed="2\ny\n")

    assert "old.csv is not UTF-8. Which of these reads right?" in seen.text
    assert "2  cp1250 (Romanian)" in seen.text
    assert "ion@example.org;Iaşi" in seen.text
    assert shop.json("contacts", "show", "ion@example.org", now=None)["facts"]["city"] == "Iaşi"


def test_without_a_person_another_encoding_is_an_error_with_the_option(shop: Shop) -> None:
    (shop.folder / "old.csv").write_bytes("email;ville\nion@example.org;Iaşi\n".encode("cp1250"))

    result = shop.run("contacts", "import", "old.csv", "--yes")

    assert result.exit_code == 1
    assert "--encoding cp1252 (Western), cp1250 (Romanian)" in result.stderr.replace("\n", " ")


def test_an_unknown_column_is_asked_about_at_a_terminal(shop: Shop) -> None:
    shop.write("clients.csv", "email,Petit nom\nlea@example.org,Léa\n")

    seen = at_terminal(shop.folder, "contacts", "import", "clients.csv", typed="first_name\ny\n")

    assert "What is “Petit nom”?" in seen.text
    assert shop.json("contacts", "show", "lea@example.org", now=None)["facts"]["first_name"] == "Léa"


def test_everybody_and_everything_of_one_person_are_exported_for_the_owner_alone(shop: Shop) -> None:
    shop.known()

    shop.done("contacts", "export", "-o", "all.csv")
    shop.done("contacts", "export", "lea@example.org", "-o", "lea.json")

    assert (shop.folder / "all.csv").read_text(encoding="utf-8").startswith("ref,email,phone,first_name,")
    assert json.loads((shop.folder / "lea.json").read_text(encoding="utf-8"))["contact"]["email"] == "lea@example.org"
    assert [os.stat(shop.folder / name).st_mode & 0o777 for name in ("all.csv", "lea.json")] == [0o600, 0o600]
    assert [line["action"] for line in shop.json("audit")["audit"]][-2:] == ["export", "export"]


def test_a_person_is_erased_merged_and_their_consent_noted(shop: Shop) -> None:
    shop.known()

    assert shop.done("contacts", "consent", "lea@example.org", "marketing:sms", "--withdrawn") == (
        "lea@example.org: marketing:sms taken back\n"
    )
    assert "part of #" in shop.done("contacts", "merge", "lea@example.org", "karim@example.org", "--yes")
    assert shop.done("contacts", "forget", "karim@example.org", "--yes") == "Erased: 1 person, 0 messages cancelled.\n"
    assert shop.run("contacts", "show", "lea@example.org").exit_code == 1


def test_retention_says_how_many_before_it_erases(shop: Shop) -> None:
    shop.known()

    asked = shop.run("contacts", "forget", "--inactive-for", "3 years", now="2030-11-21T09:00+01:00")
    done = shop.json("contacts", "forget", "--inactive-for", "3 years", "--yes", now="2030-11-21T09:00+01:00")

    assert asked.exit_code == 3
    assert "without a sign of life since 2027-11-21" in asked.stderr.replace("\n", " ")
    assert done["erased"] > 0
    assert shop.json("contacts", "list")["total"] == 0


def test_opt_outs_of_another_provider_are_taken_over(shop: Shop) -> None:
    shop.known()
    shop.write("left.csv", "Email Address\nlea@example.org\nzoe@example.org\nnobody\n")

    text = shop.shown("contacts", "suppress", "left.csv", "--reason", "unsubscribed", "--yes")
    again = shop.json("contacts", "suppress", "left.csv", "--reason", "unsubscribed", "--yes")

    assert text.splitlines() == [
        "left.csv: 3 rows, utf-8",
        "1 contact, 1 who are no contacts, 0 stopped already, 1 refused → left.refused.csv",
        "  line 4   Email Address: “nobody” is not an e-mail address",
        "Stopped: 1 contact; 1 more as soon as they come, kept as keyed hashes alone.",
    ]
    assert (again["contacts"], again["kept"], again["unchanged"]) == (0, 0, 2)
    assert (shop.folder / "left.refused.csv").read_text(encoding="utf-8").startswith("line,reason,Email Address\n4,")
    assert shop.json("contacts", "show", "lea@example.org")["standing"] == "no marketing: unsubscribed"
    assert [line["action"] for line in shop.json("audit")["audit"]][-1] == "suppress"
