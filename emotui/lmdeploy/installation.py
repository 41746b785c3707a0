"""The Python interpreters that have LMDeploy, and what is installed beside it.

LMDeploy is never imported here: each interpreter is asked about itself (child/emotui_probe.py),
and its answer is kept until one of its folders changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from emotui.lmdeploy.answers import AnswerCache, stamp_of
from emotui.lmdeploy.asking import ask, child_environ
from emotui.lmdeploy.numbering import Version
from emotui.lmdeploy.places import (
    Candidate,
    Source,
    candidates,
    expand,
    inherited,
    interpreter_at,
    site_folders,
)
from emotui.lmdeploy.versions import Features, features
from emotui.support.errors import EmotuiError, NotFoundError
from emotui.support.language import Message
from emotui.support.paths import Paths
from emotui.support.settings import Settings

__all__ = ["Installation", "Installations", "Source"]

INTERESTING = (
    "accelerate",
    "bitsandbytes",
    "datasets",
    "einops",
    "fastapi",
    "flash-attn",
    "gradio",
    "huggingface-hub",
    "lmdeploy",
    "mmengine",
    "mmengine-lite",
    "numpy",
    "packaging",
    "peft",
    "protobuf",
    "pydantic",
    "ray",
    "safetensors",
    "sentencepiece",
    "tiktoken",
    "tokenizers",
    "torch",
    "transformers",
    "transformers-stream-generator",
    "triton",
)
"""Distributions whose versions matter, besides those that start with `nvidia-`."""

_SOURCES: tuple[Source, ...] = ("given", "active", "settings", "managed", "conda", "folder")


@dataclass(frozen=True, slots=True)
class Installation:
    """An interpreter and the packages that it sees."""

    python: Path
    """The interpreter as it was found; a virtual environment's is not resolved to its base."""
    prefix: Path
    """`sys.prefix`: the environment's folder."""
    python_version: str
    lmdeploy: str | None
    """The version of LMDeploy, None when this interpreter has none."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Distribution name (lower case, hyphens) to version, for the packages of interest."""
    source: Source = "folder"
    site_packages: Path | None = None
    """The folder that holds LMDeploy's package."""
    libraries: tuple[Path, ...] = ()
    """Folders of NVIDIA's wheels that hold shared libraries."""
    inherited: Mapping[str, str] = field(default_factory=dict)
    """What this interpreter takes from the user's shell: PYTHONPATH, when the user chose it."""

    @property
    def version(self) -> Version | None:
        """The version of LMDeploy as a number, None when there is none or it cannot be read."""
        return Version.parse(self.lmdeploy)

    @property
    def features(self) -> Features | None:
        """What this version can do, None when its version cannot be read."""
        version = self.version
        return None if version is None else features(version)

    def environment(self, environ: Mapping[str, str]) -> dict[str, str | None]:
        """Return what to change in `environ` for a process that runs this LMDeploy.

        PYTHONPATH is the user's for an interpreter that the user chose and unset for others.
        Up to 0.9.2 the folders of NVIDIA's wheels are appended to LD_LIBRARY_PATH, because the
        engine's library does not find all of them by itself (0.2.4 lacks libcurand.so.10).
        """
        delta: dict[str, str | None] = {"PYTHONPATH": None, **self.inherited}
        version = self.version
        if self.libraries and version is not None and version < Version("0.10.0"):
            present = [entry for entry in environ.get("LD_LIBRARY_PATH", "").split(":") if entry]
            added = [str(folder) for folder in self.libraries if str(folder) not in present]
            delta["LD_LIBRARY_PATH"] = ":".join([*present, *added])
        return delta

    def describe(self) -> str:
        """Return what a person needs to tell this one from others, on one line."""
        return f"LMDeploy {self.lmdeploy or '-'}  ·  Python {self.python_version}  ·  {self.python}"


class Installations:
    """The interpreters of this machine that have LMDeploy."""

    def __init__(self, paths: Paths, environ: Mapping[str, str], settings: Settings) -> None:
        self.problems: list[Message] = []
        """What kept interpreters that the settings name from answering, after `list`."""
        self._paths = paths
        self._environ = environ
        self._settings = settings
        self._cache = AnswerCache(paths.cache / "installations.json")

    def list(self) -> Sequence[Installation]:
        """Return those that have LMDeploy, newest version first. Starts processes: use a worker."""
        found = [one for one in self._ask_all(self._candidates()) if one.lmdeploy is not None]
        return sorted(found, key=_preference, reverse=True)

    def get(self, python: Path | None = None) -> Installation:
        """Return the installation that `python` names: a file, an environment's folder.

        None means the one of the settings (`lmdeploy.python`), else the newest found. One that
        was named may lack LMDeploy (`lmdeploy` is None then). Raises `NotFoundError` when there
        is none, and `ProcessError` when the one named does not answer.
        """
        if python is not None:
            return self._named(str(python), "given")
        chosen = self._settings.text("lmdeploy.python")
        if chosen:
            return self._named(chosen, "settings")
        found = self.list()
        if found:
            return found[0]
        raise NotFoundError(
            "No interpreter with LMDeploy was found on this machine. Activate its environment "
            "before you start emotui, or name it with --python PATH or in the settings "
            "({settings}, lmdeploy.python).",
            settings=self._paths.settings_file,
        )

    def _named(self, text: str, source: Source) -> Installation:
        python = interpreter_at(text, self._environ)
        if python is None:
            raise _not_an_interpreter(expand(text, self._environ))
        installation = self._ask(Candidate(python, source, inherited(self._environ)))
        self._cache.save()
        return installation

    def _candidates(self) -> Sequence[Candidate]:
        named = [*self._settings.texts("lmdeploy.interpreters")]
        chosen = self._settings.text("lmdeploy.python")
        if chosen:
            named.insert(0, chosen)
        return candidates(self._environ, named, self._paths.environments)

    def _ask_all(self, wanted: Iterable[Candidate]) -> Sequence[Installation]:
        problems: list[Message] = []

        def answer(candidate: Candidate) -> Installation | None:
            try:
                return self._ask(candidate)
            except EmotuiError as error:
                if candidate.source == "settings":
                    problems.append(error.message)
                return None

        with ThreadPoolExecutor(max_workers=4) as pool:
            found = [one for one in pool.map(answer, wanted) if one is not None]
        self._cache.save()
        self.problems = problems
        return found

    def _ask(self, candidate: Candidate) -> Installation:
        python_path = candidate.environ.get("PYTHONPATH", "")
        key = f"{candidate.python}|{python_path}"
        answer = self._cache.get(key)
        if answer is None:
            folders = site_folders(candidate.python, self._environ, python_path)
            stamp = stamp_of([candidate.python, *folders])
            environ = child_environ(self._environ, candidate.environ)
            answer = ask(candidate.python, "emotui_probe.py", INTERESTING, environ)
            # Folders only: a path entry may be an archive that is not there.
            stamp |= stamp_of(entry for entry in _texts(answer.get("path")) if Path(entry).is_dir())
            self._cache.put(key, stamp, answer)
        return _installation(candidate, answer)


def _installation(candidate: Candidate, answer: Mapping[str, object]) -> Installation:
    packages = answer.get("packages")
    lmdeploy, site = answer.get("lmdeploy"), answer.get("site_packages")
    return Installation(
        python=candidate.python,
        prefix=Path(str(answer.get("prefix", candidate.python.parent.parent))),
        python_version=str(answer.get("python_version", "")),
        lmdeploy=lmdeploy if isinstance(lmdeploy, str) else None,
        packages=(
            {str(name): str(version) for name, version in packages.items()}
            if isinstance(packages, dict)
            else {}
        ),
        source=candidate.source,
        site_packages=Path(site) if isinstance(site, str) else None,
        libraries=tuple(Path(text) for text in _texts(answer.get("libraries"))),
        inherited=candidate.environ,
    )


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _preference(installation: Installation) -> tuple[Version, int]:
    version = installation.version or Version("0")
    return version, -_SOURCES.index(installation.source)


def _not_an_interpreter(path: Path) -> NotFoundError:
    if not path.exists():
        return NotFoundError(
            "There is no interpreter at {path}. Give a Python interpreter (…/bin/python) or the "
            "folder of a virtual or conda environment.",
            path=path,
        )
    if path.is_dir():
        return NotFoundError(
            "The folder {path} is no environment: it has no bin/python. Give the folder of a "
            "virtual or conda environment, or a Python interpreter.",
            path=path,
        )
    return NotFoundError(
        "{path} is not executable. Give a Python interpreter (…/bin/python) or the folder of a "
        "virtual or conda environment.",
        path=path,
    )
