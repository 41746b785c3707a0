"""Is the NVIDIA driver there, and new enough for the LMDeploy that is meant?"""

from __future__ import annotations

import re

from emotui.environment.checks.common import DRIVER_FIRST, LMDEPLOY_FIRST
from emotui.environment.subject import Subject, Target
from emotui.gpu.visible import VARIABLE
from emotui.lmdeploy.wheels import wheel
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import N_, Message, message

PRESENT_TITLE = message("NVIDIA driver")
VERSION_TITLE = message("Driver version")
VISIBLE_TITLE = message("GPUs that CUDA may use")

_WHY = N_("LMDeploy's TurboMind engine, calibration and quantization run on NVIDIA GPUs.")
_WHY_CONVERT = N_(
    "Converting rewrites weights on the CPU, but LMDeploy's convert asks the driver about the "
    "GPU and can stop where there is none."
)
_INSTALL = N_(
    "Install NVIDIA's driver, or start the container with its GPUs (docker run --gpus all)."
)
_INSTALL_CHAT = N_(
    "Install NVIDIA's driver, or start the container with its GPUs (docker run --gpus all). "
    "Without a GPU, talk to a Hugging Face model on the CPU with --engine transformers."
)


def check_present(subject: Subject) -> list[Finding]:
    """See whether the driver answers and has a GPU."""
    reading = subject.reading()
    target = subject.target
    why = message(_WHY_CONVERT if target is Target.CONVERT else _WHY)
    if reading.problem is not None:
        remedy = Remedy(message(_INSTALL_CHAT if target is Target.CHAT else _INSTALL))
        return [
            Finding(
                "driver.present", PRESENT_TITLE, target.without_gpu, reading.problem, why, remedy
            )
        ]
    evidence = message(
        "Driver {driver}, CUDA {cuda}, {count} GPU(s).",
        driver=reading.driver or message("unknown"),
        cuda=reading.cuda_text or message("unknown"),
        count=len(reading.gpus),
    )
    return [Finding("driver.present", PRESENT_TITLE, Status.OK, evidence, why)]


def check_version(subject: Subject) -> list[Finding]:
    """Compare the driver with what the chosen LMDeploy's wheel was built for."""
    driver = subject.reading().driver
    installation = subject.known_installation()
    version = None if installation is None else installation.version
    why = message(
        "A driver that is older than a wheel's CUDA refuses to start it; the messages speak of "
        "an insufficient driver version or an unsupported API call."
    )
    if driver is None or version is None:
        evidence = (
            message("The driver's version is not known.")
            if driver is None
            else message("Driver {driver}; there is no LMDeploy to compare it with.", driver=driver)
        )
        first = DRIVER_FIRST if driver is None else LMDEPLOY_FIRST
        return [Finding("driver.version", VERSION_TITLE, Status.UNKNOWN, evidence, why, first)]
    needs = wheel(version)
    status = Status.OK
    if _numbers(driver) < _numbers(needs.minimum_driver):
        status = Status.FAILURE
    elif _numbers(driver) < _numbers(needs.recommended_driver):
        status = Status.WARNING
    evidence = message(
        "Driver {driver}; LMDeploy {version} is built for CUDA {cuda}: at least {minimum}, "
        "better {recommended}.",
        driver=driver,
        version=version,
        cuda=needs.cuda,
        minimum=needs.minimum_driver,
        recommended=needs.recommended_driver,
    )
    remedy = Remedy(
        message(
            "Update the driver to {recommended} or newer, or use an older LMDeploy.",
            recommended=needs.recommended_driver,
        )
    )
    return [
        Finding(
            "driver.version",
            VERSION_TITLE,
            status,
            evidence,
            why,
            None if status is Status.OK else remedy,
        )
    ]


def check_visible(subject: Subject) -> list[Finding]:
    """See whether CUDA_VISIBLE_DEVICES hides GPUs; without it there is nothing to say."""
    value = subject.environ.get(VARIABLE)
    every = subject.reading().gpus
    if value is None or not every:
        return []
    seen = subject.gpus()
    evidence: Message = message(
        "{variable} is {value}: {seen} of {count} GPU(s) can be used.",
        variable=VARIABLE,
        value=repr(value),
        seen=len(seen),
        count=len(every),
    )
    return [
        Finding(
            "gpu.visible",
            VISIBLE_TITLE,
            Status.OK if seen else subject.target.without_gpu,
            evidence,
            message("Every program that is started from here sees only these GPUs."),
            None
            if seen
            else Remedy(message("Unset {variable} before EmoTUI is started.", variable=VARIABLE)),
        )
    ]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
