from pathlib import Path

import pytest
from support.terminal import Shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop.example(tmp_path, monkeypatch)


def emails(shop: Shop) -> list[str]:
    return [person["email"] for person in shop.json("contacts", "list")["contacts"]]


def test_an_import_answers_in_the_keys_of_the_contract(shop: Shop) -> None:
    document = shop.json("contacts", "import", "people.csv", "--yes")

    assert document == {
        "new": 3,
        "updated": 0,
        "unchanged": 0,
        "joined": 0,
        "settled": 0,
        "refused": [{"line": 5, "reason": "email: “zoe@@example” is not an e-mail address"}],
    }


def test_refused_rows_stand_in_a_file_of_their_own_to_be_mended(shop: Shop) -> None:
    shop.done("contacts", "import", "people.csv", "--yes")

    assert (shop.folder / "people.refused.csv").read_text(encoding="utf-8") == (
        "line;reason;email;prénom;tél;ville;fidélité;consent\n"
        "5;email: “zoe@@example” is not an e-mail address;zoe@@example;Zoé;;Paris;;marketing\n"
    )


def test_without_a_person_to_ask_nobody_is_imported_and_no_file_is_made(shop: Shop) -> None:
    result = shop.run("contacts", "import", "people.csv")

    assert result.exit_code == 3
    assert "Import 3 - nothing was done; say so with --yes" in result.stderr
    assert sorted(path.name for path in shop.folder.iterdir()) == ["door.jpg", "people.csv", "shop.yaml"]


def test_a_dry_run_says_the_same_and_leaves_nothing(shop: Shop) -> None:
    text = shop.done("contacts", "import", "people.csv", "--dry-run")

    assert "3 new, 0 already known (0 will change), 1 refused" in text
    assert text.endswith("Nothing was imported: this only looked.\n")
    assert sorted(path.name for path in shop.folder.iterdir()) == ["door.jpg", "people.csv", "shop.yaml"]


def test_a_column_of_yes_and_no_in_words_is_told_with_the_kind_that_reads_it(shop: Shop) -> None:
    rows = "a@example.org,no,no,true,marketing\nb@example.org,Oui,maybe,false,marketing\nc@example.org,,,,marketing\n"
    (shop.folder / "club.csv").write_text("email,Club vip,mood,member,consent\n" + rows, encoding="utf-8")

    told = shop.done("contacts", "import", "club.csv", "--dry-run")
    mended = shop.done("contacts", "import", "club.csv", "--dry-run", "--map", "Club vip=club_vip:yes-no")

    assert "! Club vip says yes or no in words, and every text counts as yes in `{% if %}`" in told
    assert "read it as yes or no: --map 'Club vip=club_vip:yes-no'" in told
    assert told.count("yes or no in words") == 1
    assert "yes or no in words" not in mended


def test_a_changed_file_updates_whom_it_changes(shop: Shop) -> None:
    shop.known()
    shop.edit("people.csv", "Nina;;Lyon", "Nina;;Nice")

    text = shop.done("contacts", "import", "people.csv", "--yes")

    assert "0 new, 3 already known (1 will change), 1 refused" in text
    assert "Imported: 0 new, 1 updated, 1 refused." in text


def test_two_contacts_that_would_become_one_are_refused_with_their_line(shop: Shop) -> None:
    shop.known()
    shop.write("clash.csv", "email,phone,consent\nkarim@example.org,+33639980012,marketing\n")

    result = shop.run("contacts", "import", "clash.csv", "--yes")

    assert result.exit_code == 1
    assert "line 2   the reference, e-mail address and phone belong to different contacts" in result.stdout
    assert '2,"the reference, e-mail address' in (shop.folder / "clash.refused.csv").read_text(encoding="utf-8")


def test_a_column_can_be_named(shop: Shop) -> None:
    shop.write("odd.csv", "Courrier du client,Petit nom\nana@example.org,Ana\n")

    shop.done(
        "contacts", "import", "odd.csv", "--yes", "--map", "Courrier du client=email", "--map", "Petit nom=first_name"
    )

    assert shop.json("contacts", "list")["contacts"][0]["name"] == "Ana"


def test_an_old_encoding_can_be_named_and_is_never_guessed(shop: Shop) -> None:
    (shop.folder / "old.csv").write_bytes("email;prénom\nzoe@example.org;Zoé\n".encode("cp1252"))

    guessed = shop.run("contacts", "import", "old.csv", "--yes")
    shop.done("contacts", "import", "old.csv", "--yes", "--encoding", "cp1252")

    assert guessed.exit_code == 1
    assert "--encoding cp1252 (Western)" in guessed.stderr
    assert shop.json("contacts", "list")["contacts"][0]["name"] == "Zoé"


def test_phone_numbers_are_read_in_the_country_of_the_campaigns(shop: Shop) -> None:
    shop.write("phones.csv", "email,tel\nana@example.org,06 39 98 00 77\n")

    shop.done("contacts", "import", "phones.csv", "--yes")

    assert shop.json("contacts", "list")["contacts"][0]["phone"] == "+33639980077"


def test_a_file_that_is_not_there_is_one_line(shop: Shop) -> None:
    result = shop.run("contacts", "import", "nobody.csv")

    assert result.exit_code == 1
    assert result.stderr == "error: cannot read nobody.csv: no such file or directory\n"


def test_the_list_may_be_cut_and_says_so(shop: Shop) -> None:
    shop.known()

    text = shop.done("contacts", "list", "--limit", "2")

    assert text.splitlines()[-1] == "3 contacts, the first 2 shown"


def test_nobody_yet_is_answered_with_what_to_do(shop: Shop) -> None:
    shop.done("db", "upgrade")

    text = shop.done("contacts", "list")

    assert text.splitlines()[0] == "0 contacts"
    assert "campaign contacts import FILE.csv" in text


def test_a_person_has_facts_consent_history_and_what_is_planned(shop: Shop) -> None:
    shop.applied()
    shop.done("event", "lea@example.org", "purchase", "--key", "product=tea", now="2026-11-24T12:00")

    person = shop.json("contacts", "show", "lea@example.org")

    assert person["facts"]["first_name"] == "Léa"
    assert person["facts"]["fidélité"] == 12
    assert person["standing"] == "marketing"
    assert [line["detail"] for line in person["history"]] == [
        "marketing (people.csv)",
        "purchase: product tea",
        "shop: home (purchase)",
        "shop/thanks began",
    ]
    assert [line["detail"] for line in person["coming"]] == ["shop/thanks by email"]


def test_an_unknown_person_is_an_error_with_the_remedy(shop: Shop) -> None:
    shop.known()

    result = shop.run("contacts", "show", "zoe@example.org")

    assert result.exit_code == 1
    assert "nobody is known as 'zoe@example.org'" in result.stderr


def test_an_opt_out_holds_at_once_and_twice_is_no_harm(shop: Shop) -> None:
    shop.applied()

    first = shop.done("contacts", "unsubscribe", "LEA@example.org")
    second = shop.json("contacts", "unsubscribe", "lea@example.org")

    assert first == "LEA@example.org gets no more marketing; what they order is still confirmed.\n"
    assert second == {"unsubscribed": "lea@example.org", "changed": False}
    lines = shop.send("2026-12-01T10:00+01:00")
    assert [line["reason"] for line in lines if line["recipient"] == "c1"] == ["unsubscribed"]


def test_without_a_database_a_reading_command_says_how_one_is_made(shop: Shop) -> None:
    result = shop.run("contacts", "list")

    assert result.exit_code == 1
    assert "campaign apply makes it" in result.stderr
