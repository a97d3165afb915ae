"""The README tells the truth: its commands run, its excerpt stands in the example, its output is the real one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from support.daemon import campaign, environment

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
SEEN_FROM = "2026-11-20T09:00"


def test_the_excerpt_stands_in_the_example_line_by_line_in_its_order() -> None:
    block = re.search(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    example = (ROOT / "examples" / "valentines" / "valentines.yaml").read_text(encoding="utf-8").splitlines()
    lines = iter(line.partition("#")[0].rstrip() for line in example)

    for wanted in block[1].splitlines():
        assert wanted in lines, wanted


def test_the_plan_shown_is_what_the_command_prints() -> None:
    text = README.read_text(encoding="utf-8")
    shown = re.compile(r"(<!-- output: campaign plan valentines\.yaml -->\n```\n)(.*?)(```)", re.DOTALL)
    done = campaign(ROOT, "plan", "valentines.yaml", env=environment(CAMPAIGN_NOW=SEEN_FROM))
    if os.environ.get("CAMPAIGN_UPDATE_GOLDEN"):
        text = shown.sub(lambda match: match[1] + done.stdout + match[3], text)
        README.write_text(text, encoding="utf-8")

    found = shown.search(text)

    assert found is not None
    assert found[2] == done.stdout


def test_the_first_command_shows_a_plan_as_it_is_typed() -> None:
    command = next(
        line
        for line in README.read_text(encoding="utf-8").splitlines()
        if "campaign plan" in line and line.startswith("uv run")
    )
    arguments = command.split("campaign ", 1)[1].split()

    done = campaign(ROOT, *arguments)

    assert "Nothing has been sent." in done.stdout


def test_the_life_of_a_project_runs_as_the_readme_tells_it(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    block = next(block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "campaign new" in block)
    folder = tmp_path
    seen = []
    for line in block.splitlines():
        command = line.partition("#")[0].strip()
        if command.startswith("cd "):
            folder = folder / command.split()[1]
            continue
        words = command.split()[1:]
        if words[0] in ("apply",) or words[:2] == ["contacts", "import"]:
            words.append("--yes")
        if words[0] == "run" and "--dry-run" not in words:
            words += ["--once"]
        done = campaign(folder, *words)
        seen.append((words[0], done.returncode))

    assert seen == [("new", 0), ("run", 0), ("contacts", 0), ("apply", 0), ("run", 0), ("run", 0)]
    assert (folder / "out").is_dir()


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))

    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]

    assert missing == []


def test_a_wheel_in_a_fresh_environment_outside_the_checkout_starts_a_project_and_plans_it(tmp_path: Path) -> None:
    uv = next((path for path in (Path(sys.executable).parent / "uv", Path("uv")) if path.exists()), Path("uv"))

    def run(*command: str, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False, env=environment()
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    run(str(uv), "build", "--wheel", "--out-dir", str(tmp_path / "dist"), str(ROOT))
    wheel = next((tmp_path / "dist").glob("*.whl"))
    run(str(uv), "venv", "--python", sys.executable, str(tmp_path / "venv"))
    run(str(uv), "pip", "install", "--python", str(tmp_path / "venv" / "bin" / "python"), str(wheel))
    program = str(tmp_path / "venv" / "bin" / "campaign")
    run(program, "new", "spring", "--from", "valentines")
    plan = run(program, "plan", cwd=tmp_path / "spring")
    named = run(program, "plan", "restaurant-launch.yaml")

    assert "ring-teaser" in plan.stdout
    assert "Nothing has been sent." in named.stdout
