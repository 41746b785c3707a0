"""Which GPUs and drivers a version's wheel is made for."""

from __future__ import annotations

import pytest

from emotui.lmdeploy.wheels import Support, wheel


@pytest.mark.parametrize(
    ("version", "capability", "support"),
    [
        ("0.2.4", (8, 0), Support.NATIVE),
        ("0.2.4", (8, 9), Support.NATIVE),
        ("0.2.4", (9, 0), Support.COMPILED_AT_START),
        ("0.2.4", (12, 0), Support.UNKNOWN),
        ("0.2.4", (6, 1), Support.NONE),
        ("0.4.0", (9, 0), Support.UNKNOWN),
        ("0.5.3", (9, 0), Support.NATIVE),
        ("0.5.3", (12, 0), Support.NONE),
        ("0.9.2", (12, 0), Support.UNKNOWN),
        ("0.9.2", (10, 0), Support.NONE),
        ("0.18.0", (10, 0), Support.NATIVE),
        ("0.18.0", (12, 1), Support.NATIVE),
        ("0.18.0", (6, 0), Support.NONE),
    ],
)
def test_a_wheel_runs_where_it_holds_code_for(
    version: str, capability: tuple[int, int], support: Support
) -> None:
    assert wheel(version).support(capability) is support


def test_old_wheels_are_cuda_11_and_new_ones_cuda_12() -> None:
    assert [wheel(v).cuda for v in ("0.2.4", "0.2.4+HEAD", "0.3.0", "0.18.0")] == [
        "11.8",
        "11.8",
        "12",
        "12.8",
    ]


def test_a_cu118_build_needs_the_older_driver() -> None:
    assert wheel("0.5.3+cu118").minimum_driver == "460.27.03"
