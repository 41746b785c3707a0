"""Which versions of LMDeploy are meant: the one that was named, or those that write such a file.

A `config.ini` does not say which version wrote it or will read it, but the set of its keys
tells: a later key gives the oldest version, a dropped key the newest. What a value means is
asked of every candidate; when they disagree, the answer is "it depends", never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from emotui.lmdeploy.versions import Features, Version, features

Answer = TypeVar("Answer")

RELEASES = tuple(
    Version(text)
    for text in (
        *(f"0.0.{patch}" for patch in range(2, 15)),
        "0.1.0",
        *(f"0.2.{patch}" for patch in range(7)),
        *("0.3.0", "0.4.0", "0.4.1", "0.4.2", "0.5.0", "0.5.1", "0.5.2", "0.5.3"),
    )
)
"""The releases whose `convert` writes a config.ini."""

FEW_MISSING = 6
"""So many keys may be absent before absence stops telling the version: people delete lines."""


@dataclass(frozen=True)
class Span:
    """The releases from `since` to `until`, both included; None leaves an end open."""

    since: Version | None = None
    until: Version | None = None

    def __contains__(self, version: object) -> bool:
        if not isinstance(version, Version):
            return False
        return (self.since is None or version >= self.since) and (
            self.until is None or version <= self.until
        )


def span(since: str | None = None, until: str | None = None) -> Span:
    """Return the releases between two version numbers."""
    return Span(Version(since) if since else None, Version(until) if until else None)


@dataclass(frozen=True)
class Era:
    """The versions that are meant; more than one when the file alone had to tell."""

    versions: tuple[Version, ...]
    given: bool = False
    """The user named the version that will read the file."""

    @property
    def label(self) -> str:
        """The versions as people write them: `0.2.4`, `0.2.0-0.2.6`."""
        first, last = self.versions[0], self.versions[-1]
        return str(first) if first == last else f"{first}-{last}"

    @cached_property
    def _features(self) -> tuple[Features, ...]:
        return tuple(features(version) for version in self.versions)

    def agreed(self, question: Callable[[Features], Answer]) -> Answer | None:
        """Return what all versions answer, None when they differ."""
        answers = {question(each) for each in self._features}
        return answers.pop() if len(answers) == 1 else None

    def all(self, question: Callable[[Features], object]) -> bool:
        """Say whether every version answers yes."""
        return all(question(each) for each in self._features)

    def any(self, question: Callable[[Features], object]) -> bool:
        """Say whether some version answers yes."""
        return any(question(each) for each in self._features)

    def within(self, spans: Iterable[Span]) -> bool | None:
        """Say whether the versions lie in one of `spans`; None when only some do."""
        inside = {any(version in each for each in spans) for version in self.versions}
        return inside.pop() if len(inside) == 1 else None


EVERY_RELEASE = Era(RELEASES)


def given_era(version: Version) -> Era:
    """Return the era of the one version that the user named."""
    return Era((version,), given=True)


def era_of_keys(present: Mapping[str, str], written: Mapping[str, tuple[Span, ...]]) -> Era:
    """Return the releases that would write a file with the keys `present`.

    `written` says which releases write a key; other keys tell nothing. A share as
    `cache_max_entry_count` excludes TurboMind 1.0, which counts sequences there. Keys that no
    release writes together, or too few keys to tell, give every release that remains.
    """
    known = [spans for key, spans in written.items() if key in present]
    possible = [
        version
        for version in RELEASES
        if all(any(version in each for each in spans) for spans in known)
    ]
    if not _is_whole(present.get("cache_max_entry_count", "")):
        possible = [each for each in possible if not _counts_sequences(each)]
    if not possible:
        return EVERY_RELEASE
    missing = {version: _missing(version, present, written) for version in possible}
    least = min(missing.values())
    if least > FEW_MISSING:
        return Era(tuple(possible))
    return Era(tuple(version for version in possible if missing[version] == least))


def _missing(
    version: Version, present: Mapping[str, str], written: Mapping[str, tuple[Span, ...]]
) -> int:
    return sum(
        key not in present and any(version in each for each in spans)
        for key, spans in written.items()
    )


def _is_whole(value: str) -> bool:
    try:
        return float(value) == int(float(value))
    except (ValueError, OverflowError):
        return True


def _counts_sequences(version: Version) -> bool:
    return features(version).cache_block_seq_len is None
