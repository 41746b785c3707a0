"""Progress, read from logs that LMDeploy 0.2.4 really wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotui.lmdeploy.progress import ConvertProgress, progress_of

LOG = Path(__file__).parents[2] / "fixtures" / "lmdeploy" / "convert-0.2.4-fp16.log"


def recorded() -> str:
    return LOG.read_bytes().decode("utf-8")


def test_a_real_conversion_goes_from_nothing_to_all_and_never_back() -> None:
    reader = progress_of("convert")
    assert reader.progress.fraction is None
    seen = [0.0]
    phases = []
    for line in recorded().splitlines(keepends=True):
        reader.feed(line)
        seen.append(reader.progress.fraction or 0.0)
        phases.append(str(reader.progress.phase))
    assert seen == sorted(seen)
    assert len(set(seen)) > 15, "each piece of a layer counts"
    assert seen[-1] == 1.0
    assert reader.progress.detail == "4/4"
    assert list(dict.fromkeys(phases)) == [
        "Starting LMDeploy",
        "Preparing the workspace",
        "Reading the model",
        "Writing the layers",
        "Finishing the workspace",
    ]


def test_a_bar_that_is_still_being_redrawn_counts() -> None:
    reader = ConvertProgress()
    reader.feed("\rConvert to turbomind format:   0%|          | 0/32 [00:00<?, ?it/s]")
    assert reader.progress.fraction == 0.0
    reader.feed("\rConvert to turbomind format:  25%|██▌       | 8/32 [00:04<00:12,  2.00it/s]")
    assert reader.progress.fraction == 0.25
    assert reader.progress.detail == "8/32"


def test_a_conversion_that_fails_early_never_looks_complete() -> None:
    reader = ConvertProgress()
    reader.feed("create workspace in directory /data/ws\n")
    reader.feed("Traceback (most recent call last):\n  File …\nAssertionError: no\n")
    assert reader.progress.fraction is None


@given(st.integers(1, 400))
def test_pieces_of_any_size_give_the_same_end(size: int) -> None:
    text = recorded()
    reader = ConvertProgress()
    before = 0.0
    for start in range(0, len(text), size):
        reader.feed(text[start : start + size])
        now = reader.progress.fraction or 0.0
        assert now >= before
        before = now
    reader.feed(recorded()[-200:])
    assert reader.progress.fraction == 1.0


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    reader = ConvertProgress()
    reader.feed(text)
    assert reader.progress.fraction is None or 0.0 <= reader.progress.fraction <= 1.0


@pytest.mark.parametrize("kind", ["", "serve", "unknown"])
def test_an_unknown_kind_measures_nothing(kind: str) -> None:
    reader = progress_of(kind)
    reader.feed(recorded())
    assert reader.progress.fraction is None
