"""The packages that each version of LMDeploy was made for.

What its wheels declare (torch, transformers, triton) and what it needs without declaring it
(an old `datasets`, `protobuf`, numpy 1). Bounds are inclusive, and an upper bound of 2.1.2 lets
2.1.2+cu118 pass.
"""

from __future__ import annotations

from dataclasses import dataclass

from emotui.lmdeploy.numbering import Version


@dataclass(frozen=True, slots=True)
class Requirement:
    """The versions of one package that fit."""

    package: str
    """Distribution name, as `importlib.metadata` has it: `torch`."""
    minimum: str | None = None
    maximum: str | None = None
    """The highest that fits, with all its patches: 2.1.2 fits `2.1`, and so does 2.1.2.post1."""
    excluded: tuple[str, ...] = ()
    """Versions between the bounds that do not fit, patches included."""
    needed: bool = True
    """False: the package may be absent, but one that is there should fit."""

    def accepts(self, installed: str) -> bool:
        """Say whether the installed version fits; one that cannot be read does not."""
        version = Version.parse(installed)
        if version is None:
            return False
        if self.minimum is not None and version < Version(self.minimum):
            return False
        if self.maximum is not None:
            highest = Version(self.maximum)
            if version > highest and not version.starts_with(highest):
                return False
        return not any(version.starts_with(Version(text)) for text in self.excluded)

    @property
    def specifier(self) -> str:
        """The range as pip writes it: `torch>=2.0,<=2.1.2`, `numpy<2`."""
        parts = [
            *([f">={self.minimum}"] if self.minimum else []),
            *([_at_most(self.maximum)] if self.maximum else []),
            *(f"!={text}.*" for text in self.excluded),
        ]
        return self.package + ",".join(parts)


def _at_most(version: str) -> str:
    """Return the bound that lets the patches of `version` pass: to pip, 1.26 is more than 1."""
    *front, last = version.split(".")
    if len(front) > 1:
        return f"<={version}"
    return "<" + ".".join([*front, str(int(last) + 1)])


# Since which version of LMDeploy, up to which torch.
_TORCH = [
    ("0.2.0", "2.1.2"),
    ("0.4.0", "2.2.2"),
    ("0.5.3", "2.3.1"),
    ("0.6.4", "2.4"),
    ("0.7.0", "2.5.1"),
    ("0.7.3", "2.6"),
    ("0.9.2", "2.7.1"),
    ("0.10.0", "2.8"),
    ("0.13.0", "2.10"),
    ("0.18.0", "2.12.1"),
]

_PYTHON = [
    ("0.0.1", "3.8", "3.11"),
    ("0.6.0", "3.8", "3.12"),
    ("0.9.2", "3.9", "3.13"),
    ("0.12.0", "3.10", "3.13"),
]


def requirements(version: Version | str) -> list[Requirement]:
    """Return what `version` of LMDeploy needs; empty before 0.2.0, whose pins are not known."""
    v = version if isinstance(version, Version) else Version(version)
    if v < Version("0.2.0"):
        return []
    return [
        Requirement("torch", "2.0", [high for since, high in _TORCH if v >= Version(since)][-1]),
        _transformers(v),
        *_others(v),
    ]


def python_range(version: Version | str) -> Requirement:
    """Return the Python versions that have a wheel of `version`."""
    v = version if isinstance(version, Version) else Version(version)
    low, high = [(low, high) for since, low, high in _PYTHON if v >= Version(since)][-1]
    return Requirement("python", low, high)


def _transformers(v: Version) -> Requirement:
    if v < Version("0.3.0"):
        return Requirement("transformers", "4.33", "4.37.1")
    if v >= Version("0.18.0"):
        excluded = ("5.0", "5.1", "5.2", "5.3", "5.4", "5.5.0", "5.7", "5.8", "5.9")
        return Requirement("transformers", "4.56", None, excluded)
    return Requirement("transformers", "4.34")  # InternLM2 wants it


def _others(v: Version) -> list[Requirement]:
    found = [Requirement("protobuf")]  # its tokenizer conversion asks for it, undeclared in 0.2.x
    if v < Version("0.6.1"):
        found.append(Requirement("numpy", None, "1"))
    if v < Version("0.5.0"):
        found.append(Requirement("triton", "2.1", "2.2", needed=False))
    if v < Version("0.3.0"):
        found.append(Requirement("pydantic", "2.0.1"))
        found.append(Requirement("peft", None, "0.8.2", needed=False))
        # Its calibration calls load_dataset in a way that datasets 3 no longer takes.
        found.append(Requirement("datasets", None, "2", needed=False))
    elif v < Version("0.6.1"):
        found.append(Requirement("peft", None, "0.11.1", needed=False))
    if v >= Version("0.18.0"):
        found.append(Requirement("triton", "3.4", "3.7.1", needed=False))
    return found
