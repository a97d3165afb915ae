"""The project folder: where campaign files, templates, contacts and the database lie; reads files, writes none."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from campaigns.errors import Place
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from campaigns.definition import Campaign

MARKER = "campaign.toml"
SUFFIXES = (".yaml", ".yml")
MAX_TEMPLATE_BYTES = 1_000_000

_HAS_CAMPAIGN = re.compile(rb"^[\"']?campaign[\"']?[ \t]*:", re.MULTILINE)
_SKIPPED = frozenset({"var", "outbox", "node_modules", "templates", "media", "dist", "build"})


@dataclass(frozen=True)
class LoadedCampaign:
    """A campaign file as it was read: the campaign, the templates it uses, and the exact text it came from."""

    campaign: Campaign
    templates: Mapping[str, str]
    path: Path
    folder: Path
    text: str
    text_hash: str

    def media(self) -> frozenset[str]:
        """Return the media files its touches name that are there."""
        home = self.folder.resolve()
        named = {media.file for _, touch in self.campaign.touches() for media in touch.media if "://" not in media.file}
        return frozenset(
            file for file in named if (home / file).is_file() and (home / file).resolve().is_relative_to(home)
        )


@dataclass(frozen=True, slots=True)
class Located:
    """A campaign file that was found; `looked_up` when the name was not a path, so that the path must be told."""

    path: Path
    looked_up: bool


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with campaign files, known by its `campaign.toml` or simply by standing in it."""

    folder: Path

    @classmethod
    def find(cls, start: Path) -> Project:
        """Return the project `start` lies in: the nearest folder upwards with a `campaign.toml`.

        Without one it is the only project directly below (where `campaign new` has just put it), else `start` itself.
        """
        here = start.resolve()
        for folder in (here, *here.parents):
            if (folder / MARKER).is_file():
                return cls(folder)
        below = cls(here).projects_below()
        if len(below) == 1 and not any(_is_campaign(path) for path in _yaml_files(here)):
            return cls(below[0])
        return cls(here)

    def projects_below(self) -> tuple[Path, ...]:
        """Return the folders directly in this one that are projects of their own."""
        return tuple(sorted(folder for folder in _folders(self.folder) if (folder / MARKER).is_file()))

    @property
    def database(self) -> Path:
        """Where the embedded database lies once something was applied."""
        return self.folder / "var" / "campaign.db"

    def campaign_files(self) -> tuple[Path, ...]:
        """Return the YAML files of the project that have a top-level `campaign:` key, in the order of their names.

        The folder itself and the folders directly in it are searched, but no other project and none of `var`, `outbox`,
        `templates` and the like.
        """
        folders = [self.folder, *sorted(path for path in _folders(self.folder) if _is_searched(path))]
        return tuple(path for folder in folders for path in _yaml_files(folder) if _is_campaign(path))

    def locate(self, name: str) -> Path:
        """Return the file `name` means; see `search`.

        Raises: SchedulerError with a near name when there is none.
        """
        return self.search(name).path

    def search(self, name: str) -> Located:
        """Find a campaign file by path, else in the project folder, else among the bundled examples.

        In the project and the examples `valentines`, `valentines.yaml` and the id in the file are all understood.
        Raises: SchedulerError with a near name when there is none.
        """
        path = Path(name)
        if path.is_file():
            return Located(path, looked_up=False)
        if path.is_dir():
            return Located(self._only_file_in(path), looked_up=True)
        stem = path.stem if path.suffix in SUFFIXES else path.name
        own = self.campaign_files()
        for candidate in own:
            if path.name == candidate.name or (stem == candidate.stem and not path.suffix):
                return Located(_shown(candidate), looked_up=True)
        for candidate in own:
            if not path.suffix and _id_in(candidate) == name:
                return Located(_shown(candidate), looked_up=True)
        if path.name == name:
            for candidate in _example_files(stem):
                return Located(_shown(candidate), looked_up=True)
        raise self._missing(name, own)

    def load(self, path: Path) -> LoadedCampaign:
        """Read and check one campaign file, and gather the templates it uses.

        Raises: DefinitionError with every mistake of the file; SchedulerError when it cannot be read.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise SchedulerError(
                f"cannot read {path}: {(error.strerror or str(error)).lower()}", place=Place(str(path))
            ) from None
        return self.read(path, data)

    def read(self, path: Path, data: bytes) -> LoadedCampaign:
        """Check what stands in a campaign file, or is to stand there; see `load`."""
        from campaigns import loader, rendering

        campaign = loader.load(data, source=str(_shown(path)))
        folder = path.resolve().parent
        roots = [folder / "templates", folder]
        if self.folder != folder and folder.is_relative_to(self.folder):
            roots += [self.folder / "templates", self.folder]
        templates = rendering.gather(campaign, lambda name: _read_template(roots, name))
        return LoadedCampaign(
            campaign=campaign,
            templates=templates,
            path=path,
            folder=folder,
            text=data.decode("utf-8-sig"),
            text_hash=hashlib.sha256(data).hexdigest(),
        )

    def _only_file_in(self, folder: Path) -> Path:
        found = Project(folder).campaign_files()
        if len(found) == 1:
            return found[0]
        if not found:
            raise SchedulerError(f"no campaign file in {folder}", remedy="start one: campaign new")
        names = ", ".join(str(_shown(path)) for path in found)
        raise SchedulerError(f"several campaign files in {folder}: {names}", remedy="name one of them")

    def _missing(self, name: str, own: tuple[Path, ...]) -> SchedulerError:
        from campaigns import bundled

        known = [path.name for path in own] + [f"{example}.yaml" for example in bundled.examples()]
        near = get_close_matches(name, known, n=1) or get_close_matches(f"{name}.yaml", known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else "the bundled ones: campaign new --list"
        return SchedulerError(f"no campaign file {name!r} here or among the examples", remedy=remedy)


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []


def _is_searched(folder: Path) -> bool:
    return not folder.name.startswith(".") and folder.name not in _SKIPPED and not (folder / MARKER).is_file()


def _yaml_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())
    except OSError:
        return []


def _is_campaign(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _HAS_CAMPAIGN.search(file.read(65_536)) is not None
    except OSError:
        return False


def _id_in(path: Path) -> str:
    found = re.search(rb"^campaign[ \t]*:[ \t]*([a-z0-9-]+)", path.read_bytes()[:65_536], re.MULTILINE)
    return found[1].decode("ascii") if found else ""


def _example_files(name: str) -> list[Path]:
    from campaigns import bundled

    if name not in bundled.examples():
        return []
    path = bundled.example(name) / f"{name}.yaml"
    return [path] if path.is_file() else []


def _shown(path: Path) -> Path:
    """Return the path as a person would type it: relative to the present folder where it lies below."""
    here = Path.cwd()
    full = path.resolve()
    return full.relative_to(here) if full.is_relative_to(here) else path


def _read_template(roots: list[Path], name: str) -> str | None:
    """Read a template by its name inside one of `roots`; a name that leads out of them is not found."""
    for root in roots:
        home = root.resolve()
        path = (home / name).resolve()
        if not path.is_relative_to(home) or not path.is_file():
            continue
        if path.stat().st_size > MAX_TEMPLATE_BYTES:
            raise SchedulerError(f"template {name!r} is larger than {MAX_TEMPLATE_BYTES:,} bytes")
        try:
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise SchedulerError(
                f"template {name!r} is not UTF-8 (byte {error.start})", place=Place(name), remedy="save it as UTF-8"
            ) from None
    return None
