"""What is checked: the task, and the machine as seen when a check asks.

Checks run in threads of their own and share what was looked up: the first that asks looks,
the others wait for its answer. A look-up that hangs therefore holds only those that need it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Generic, TypeVar

from emotui.gpu.sample import Gpu, GpuReading
from emotui.gpu.visible import visible_gpus
from emotui.lmdeploy.installation import Installation
from emotui.models.folder import ModelFolder
from emotui.support.errors import EmotuiError
from emotui.support.finding import Status
from emotui.support.language import N_, Message

Answer = TypeVar("Answer")


class Target(str, Enum):
    """The task that the machine should be fit for."""

    CHAT = "chat"
    CONVERT = "convert"
    CALIBRATE = "calibrate"
    QUANTIZE = "quantize"
    SERVE = "serve"

    @property
    def label(self) -> Message:
        """What people call the task."""
        return Message(_LABELS[self])

    @property
    def without_gpu(self) -> Status:
        """How bad it is for this task when there is no GPU to use."""
        return Status.WARNING if self is Target.CONVERT else Status.FAILURE

    @property
    def reads_whole_model(self) -> bool:
        """The task loads all weights into host memory."""
        return self in {Target.CALIBRATE, Target.QUANTIZE}

    @property
    def runs_engine(self) -> bool:
        """The task loads all weights onto GPUs."""
        return self in {Target.CHAT, Target.SERVE}


_LABELS = {
    Target.CHAT: N_("chat"),
    Target.CONVERT: N_("convert"),
    Target.CALIBRATE: N_("calibrate"),
    Target.QUANTIZE: N_("quantize"),
    Target.SERVE: N_("serve"),
}


class Once(Generic[Answer]):
    """A look-up that is made once, by whichever thread asks first."""

    def __init__(self, look_up: Callable[[], Answer]) -> None:
        self._look_up = look_up
        self._lock = threading.Lock()
        self._answers: list[Answer] = []
        self._error: EmotuiError | OSError | None = None

    def __call__(self) -> Answer:
        """Return the answer, or raise the error that the look-up ended with."""
        with self._lock:
            if not self._answers and self._error is None:
                try:
                    self._answers.append(self._look_up())
                except (EmotuiError, OSError) as error:
                    self._error = error
            if self._error is not None:
                raise self._error
            return self._answers[0]

    def peek(self) -> Answer | None:
        """Return the answer if it is known, None while it is not; never waits."""
        return self._answers[0] if self._answers else None


@dataclass(frozen=True, slots=True)
class Subject:
    """What the checks look at."""

    target: Target
    reading: Callable[[], GpuReading]
    """Reads the GPUs."""
    installation: Callable[[], Installation]
    """Finds the LMDeploy that is meant; raises `NotFoundError`."""
    output: Path
    """The folder that results are written into; it need not exist."""
    model: Callable[[], ModelFolder] | None = None
    """Inspects the model that was named, None when none was; raises `EmotuiError`."""
    environ: Mapping[str, str] = field(default_factory=dict)

    def gpus(self) -> tuple[Gpu, ...]:
        """Return the GPUs that CUDA programs may use."""
        return visible_gpus(self.reading().gpus, self.environ)

    def known_installation(self) -> Installation | None:
        """Return the installation that is meant, None when there is none with LMDeploy."""
        try:
            installation = self.installation()
        except (EmotuiError, OSError):
            return None
        return installation if installation.version is not None else None

    def known_model(self) -> ModelFolder | None:
        """Return the model that was named, None when none was or it cannot be read."""
        try:
            return None if self.model is None else self.model()
        except (EmotuiError, OSError):
            return None
