"""What LMDeploy's wheels on the package index need of the driver and the GPU.

The architectures were read out of the wheels 0.2.4, 0.5.3 and 0.18; between them the later
fact is not known to hold, and the answer is "unknown" rather than a guess. Drivers: NVIDIA's
own minimums, except that TurboMind allocates with cudaMallocAsync, which CUDA 11.2 brought.
Compute capabilities are written times ten: 80 is 8.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from emotui.lmdeploy.numbering import Version

LEAST_CAPABILITY = 70
"""Volta; TurboMind never ran on Pascal or older."""


class Support(Enum):
    """How a wheel runs on a GPU."""

    NATIVE = "native"
    COMPILED_AT_START = "compiled_at_start"
    """By just-in-time compilation: the first start is slow."""
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Wheel:
    """What one version's wheel was built for."""

    cuda: str
    """The CUDA version that it was built with."""
    minimum_driver: str
    """The oldest driver that it starts with."""
    recommended_driver: str
    """The oldest driver for which NVIDIA promises all of that CUDA version."""
    native: tuple[int, ...]
    """Architectures that it holds machine code for."""
    maybe: tuple[int, ...] = ()
    """Architectures that some builds of this age hold and others do not."""
    ptx: bool = False
    """It also holds PTX, which the driver compiles for newer GPUs."""

    def support(self, capability: tuple[int, int]) -> Support:
        """Say how the wheel runs on a GPU of this compute capability."""
        major, minor = capability
        wanted = 10 * major + minor
        if wanted < LEAST_CAPABILITY:
            return Support.NONE
        # Machine code runs on every later GPU of the same major number.
        if any(have // 10 == major and have <= wanted for have in self.native):
            return Support.NATIVE
        if any(have // 10 == major and have <= wanted for have in self.maybe):
            return Support.UNKNOWN
        if not self.ptx:
            return Support.NONE
        return Support.COMPILED_AT_START if major <= 9 else Support.UNKNOWN


_VOLTA_TO_AMPERE = (70, 75, 80, 86)
_TO_HOPPER = (*_VOLTA_TO_AMPERE, 89, 90)

_WHEELS = [
    ("0.0.0", Wheel("11.8", "460.27.03", "520.61.05", _VOLTA_TO_AMPERE, ptx=True)),
    ("0.3.0", Wheel("12", "525.60.13", "525.60.13", _VOLTA_TO_AMPERE, maybe=(89, 90))),
    ("0.5.3", Wheel("12", "525.60.13", "525.60.13", _TO_HOPPER)),
    ("0.9.2", Wheel("12", "525.60.13", "525.60.13", _TO_HOPPER, maybe=(120,))),
    ("0.13.0", Wheel("12.8", "525.60.13", "570.26", (*_TO_HOPPER, 100, 120))),
]


def wheel(version: Version | str) -> Wheel:
    """Return what the wheel of `version` was built for; a `+cu118` build is the CUDA 11.8 one."""
    v = version if isinstance(version, Version) else Version(version)
    found = [each for since, each in _WHEELS if v >= Version(since)][-1]
    if "+cu118" in v.text and found.cuda != "11.8":
        return Wheel("11.8", "460.27.03", "520.61.05", found.native, found.maybe)
    return found
