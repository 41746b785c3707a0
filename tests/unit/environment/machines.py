"""Machines for the checks to look at: readings, installations and models, as data."""

from __future__ import annotations

from pathlib import Path

from emotui.environment.subject import Subject, Target
from emotui.gpu.sample import Gpu, GpuReading
from emotui.lmdeploy.installation import Installation
from emotui.models.folder import ModelFolder, ModelKind
from emotui.support.errors import NotFoundError
from emotui.support.language import message

GIB = 1 << 30

NO_DRIVER = GpuReading(problem=message("There is no NVIDIA driver."))


def a_gpu(index: int = 0, *, free: float = 79, total: float = 80, capability=(8, 0)) -> Gpu:
    return Gpu(
        index,
        "NVIDIA A100",
        f"GPU-{index}{index}-uuid",
        memory_total=int(total * GIB),
        memory_used=int((total - free) * GIB),
        memory_free=int(free * GIB),
        compute_capability=capability,
    )


def a_reading(*gpus: Gpu, driver: str = "550.54.15") -> GpuReading:
    return GpuReading(driver, (12, 4), gpus or (a_gpu(),))


def an_installation(version: str | None = "0.2.4", python: str = "3.10.13", **packages: str):
    beside = {"torch": "2.1.2", "transformers": "4.37.1", "protobuf": "4.25.1", "numpy": "1.26.4"}
    beside |= {"pydantic": "2.6.0"} | packages
    kept = {name: version for name, version in beside.items() if version}
    return Installation(Path("/opt/lm/bin/python"), Path("/opt/lm"), python, version, kept)


def a_model(kind: ModelKind = ModelKind.HF, **fields: object) -> ModelFolder:
    known: dict[str, object] = {
        "model_type": "internlm2",
        "parameters": 7_738_000_000,
        "hidden_size": 4096,
        "vocab_size": 92544,
        "size_bytes": 15_500_000_000,
    }
    return ModelFolder(Path("/models/EmoLLM"), "EmoLLM", kind, **{**known, **fields})


def a_machine(
    target: Target = Target.CHAT,
    *,
    reading: GpuReading | None = None,
    installation: Installation | None = None,
    model: ModelFolder | None = None,
    output: Path = Path("/"),
    **environ: str,
) -> Subject:
    def found() -> Installation:
        if installation is None:
            raise NotFoundError("No LMDeploy was found.")
        return installation

    return Subject(
        target,
        lambda: a_reading() if reading is None else reading,
        found,
        output,
        None if model is None else lambda: model,
        environ,
    )
