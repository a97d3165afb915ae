from pathlib import Path

import pytest

from scheduler.errors import SchedulerError
from scheduler.project import Project

SHORT = "campaign: {name}\nstages:\n  - stage: hello\n    kind: awareness\n    when: early january\n"


def write(folder: Path, name: str, text: str = "") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text or SHORT.format(name=path.stem), encoding="utf-8")
    return path


def test_the_project_is_the_nearest_folder_upwards_with_a_campaign_toml(tmp_path: Path) -> None:
    write(tmp_path, "campaign.toml", "# settings\n")
    inside = tmp_path / "posts" / "drafts"
    inside.mkdir(parents=True)

    assert Project.find(inside).folder == tmp_path


def test_without_a_campaign_toml_the_project_is_where_one_stands(tmp_path: Path) -> None:
    assert Project.find(tmp_path).folder == tmp_path


def test_the_only_project_directly_below_is_found_from_above(tmp_path: Path) -> None:
    write(tmp_path, "spring/campaign.toml", "# settings\n")

    assert Project.find(tmp_path).folder == tmp_path / "spring"


def test_of_two_projects_below_none_is_guessed(tmp_path: Path) -> None:
    write(tmp_path, "spring/campaign.toml", "# settings\n")
    write(tmp_path, "autumn/campaign.toml", "# settings\n")

    project = Project.find(tmp_path)

    assert project.folder == tmp_path
    assert project.projects_below() == (tmp_path / "autumn", tmp_path / "spring")


def test_campaign_files_are_the_yaml_files_with_a_top_level_campaign_key(tmp_path: Path) -> None:
    write(tmp_path, "spring.yaml")
    write(tmp_path, "sub/autumn.yml")
    write(tmp_path, "compose.yaml", "services:\n  campaign: x\n")
    write(tmp_path, "var/old.yaml")
    write(tmp_path, ".hidden/secret.yaml")
    write(tmp_path, "other/campaign.toml", "# a project of its own\n")
    write(tmp_path, "other/other.yaml")

    assert Project(tmp_path).campaign_files() == (tmp_path / "spring.yaml", tmp_path / "sub" / "autumn.yml")


@pytest.mark.parametrize("name", ["spring", "spring.yaml", "spring-sale"])
def test_a_campaign_is_found_by_name_file_or_id(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, "spring.yaml", SHORT.format(name="spring-sale"))

    assert Project(tmp_path).locate(name) == path


def test_a_path_is_taken_as_it_is_and_not_looked_up(tmp_path: Path) -> None:
    path = write(tmp_path, "spring.yaml")

    found = Project(tmp_path).search(str(path))

    assert (found.path, found.looked_up) == (path, False)


def test_a_folder_means_its_only_campaign_file(tmp_path: Path) -> None:
    path = write(tmp_path, "shop/spring.yaml")

    assert Project(tmp_path).locate(str(tmp_path / "shop")) == path


def test_an_example_is_found_by_its_bare_name(tmp_path: Path) -> None:
    found = Project(tmp_path).search("valentines.yaml")

    assert found.path.name == "valentines.yaml"
    assert found.path.parent.name == "valentines"
    assert found.looked_up


def test_an_own_file_goes_before_an_example_of_the_same_name(tmp_path: Path) -> None:
    path = write(tmp_path, "valentines.yaml")

    assert Project(tmp_path).locate("valentines") == path


def test_a_missing_file_is_answered_with_a_near_name(tmp_path: Path) -> None:
    write(tmp_path, "spring.yaml")

    with pytest.raises(SchedulerError) as missing:
        Project(tmp_path).locate("sprnig.yaml")

    assert (
        str(missing.value) == "no campaign file 'sprnig.yaml' here or among the examples - did you mean 'spring.yaml'?"
    )


def test_a_path_that_does_not_exist_is_never_taken_for_an_example(tmp_path: Path) -> None:
    with pytest.raises(SchedulerError):
        Project(tmp_path).locate("elsewhere/valentines.yaml")


def touch_with(template: str) -> str:
    return (
        "campaign: spring\nstages:\n  - stage: hello\n    kind: awareness\n    when: early january\n"
        f"    touches:\n      - {{id: post, channel: instagram, template: {template}}}\n"
    )


def test_templates_are_read_beside_the_file_or_in_its_templates_folder(tmp_path: Path) -> None:
    path = write(tmp_path, "spring.yaml", touch_with("posts/hello.md"))
    write(tmp_path, "templates/posts/hello.md", "Hello")

    loaded = Project(tmp_path).load(path)

    assert loaded.templates["posts/hello.md"] == "Hello"
    assert loaded.campaign.id == "spring"
    assert loaded.folder == tmp_path


def test_a_template_is_never_read_outside_the_project(tmp_path: Path) -> None:
    write(tmp_path, "secret.md", "top secret")
    path = write(tmp_path, "shop/spring.yaml", touch_with("posts/hello.md"))
    (tmp_path / "shop" / "posts").mkdir()
    (tmp_path / "shop" / "posts" / "hello.md").symlink_to(tmp_path / "secret.md")

    loaded = Project(tmp_path / "shop").load(path)

    assert "top secret" not in loaded.templates.values()


def test_the_hash_of_a_loaded_file_follows_its_bytes(tmp_path: Path) -> None:
    path = write(tmp_path, "spring.yaml")
    first = Project(tmp_path).load(path)
    path.write_text(path.read_text() + "# a remark\n")

    second = Project(tmp_path).load(path)

    assert first.campaign == second.campaign
    assert first.text_hash != second.text_hash
