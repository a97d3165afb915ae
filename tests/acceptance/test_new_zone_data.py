"""A plan applied under one release of the zone data and compared under a later one: what it moves is told.

`zonedata/2022a/America/Mexico_City` is the file of tzdata 2022a (public domain), in which Mexico still changes its clocks
in summer; the law of October 2022 ended that.
"""

import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from campaigns.timing import zones

OLDER = Path(__file__).parent / "zonedata" / "2022a"
SHOP = """\
campaign: rings
language: en
country: US
timezone: America/Mexico_City
starts: 2027-01-04
ends: 2027-08-31
stages:
  - stage: awareness
    kind: awareness
    touches:
      - {id: winter, channel: facebook, when: 2 february at 9:00, text: Rings}
      - {id: spring, channel: facebook, when: 15 may at 9:00, text: Spring}
      - {id: summer, channel: facebook, when: 20 july, text: Summer}
"""


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The installed zone data with the rules of Mexico City as they were in release 2022a."""
    package = tmp_path / "older" / "tzdata"
    with resources.as_file(resources.files("tzdata")) as installed:
        shutil.copytree(installed, package)
    shutil.copy(OLDER / "America" / "Mexico_City", package / "zoneinfo" / "America" / "Mexico_City")
    (package / "__init__.py").write_text('IANA_VERSION = "2022a"\n', encoding="utf-8")
    return package.parent


def campaign(shop: Path, *args: str, zone_data: Path | None = None) -> str:
    """Run the command line in a process of its own, where the older package stands before the installed one."""
    named = {} if zone_data is None else {"PYTHONPATH": str(zone_data)}
    done = subprocess.run(
        [sys.executable, "-m", "scheduler", *args, "--now", "2026-12-01"],
        capture_output=True,
        text=True,
        cwd=shop,
        check=False,
        env={**{key: value for key, value in os.environ.items() if not key.startswith("CAMPAIGN_")}, **named},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_plan_tells_which_moments_new_zone_data_moves(tmp_path: Path, older: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "rings.yaml").write_text(SHOP, encoding="utf-8")
    campaign(shop, "apply", "rings.yaml", "--yes", zone_data=older)

    with_the_same = campaign(shop, "plan", "--diff", zone_data=older)
    with_the_new = campaign(shop, "plan", "--diff")

    assert "moves" not in with_the_same
    assert with_the_new.splitlines()[:5] == [
        f"~ rings/spring   moves a date: new time zone data (2022a → {zones.tzdata_version()})",
        "    Sat 15 May 09:00 -0500 → Sat 15 May 09:00 -0600",
        f"~ rings/summer   moves a date: new time zone data (2022a → {zones.tzdata_version()})",
        "    Tue 20 Jul 10:00 -0500 → Tue 20 Jul 10:00 -0600",
        "",
    ]
