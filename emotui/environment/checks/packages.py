"""Are the packages beside LMDeploy those that its version was made for?"""

from __future__ import annotations

from emotui.environment.checks.common import LMDEPLOY_FIRST, NO_LMDEPLOY
from emotui.environment.subject import Subject, Target
from emotui.lmdeploy.installation import Installation
from emotui.lmdeploy.requirements import Requirement, requirements
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import N_, Message, message, raw

TORCH_TITLE = N_("PyTorch")
TRANSFORMERS_TITLE = N_("Transformers")
_TITLES = {"torch": TORCH_TITLE, "transformers": TRANSFORMERS_TITLE}
TORCH_CUDA_TITLE = message("PyTorch with CUDA")

_WHYS = {
    "torch": N_(
        "LMDeploy's libraries are built against certain versions of PyTorch; others can end in "
        "missing symbols or operations that are not there."
    ),
    "transformers": N_(
        "Transformers renames what LMDeploy and the code of models import; outside the range, "
        "models fail to load."
    ),
    "datasets": N_("Calibration loads its texts with it, in a way that newer ones refuse."),
}
_WHY_OTHER = N_("LMDeploy or a model's tokenizer imports it.")


def check_torch(subject: Subject) -> list[Finding]:
    """Compare PyTorch with the pins of the version."""
    return [_one(subject, "torch")]


def check_transformers(subject: Subject) -> list[Finding]:
    """Compare transformers with the pins of the version."""
    return [_one(subject, "transformers")]


def check_others(subject: Subject) -> list[Finding]:
    """Report the other packages of interest, those only that do not fit."""
    installation = subject.known_installation()
    if installation is None or installation.version is None:
        return []
    calibrates = subject.target in {Target.CALIBRATE, Target.QUANTIZE}
    return [
        finding
        for wanted in requirements(installation.version)
        if wanted.package not in _TITLES and (wanted.package != "datasets" or calibrates)
        if (finding := _compare(installation, wanted)).status is not Status.OK
    ]


def check_torch_cuda(subject: Subject) -> list[Finding]:
    """See whether PyTorch is a build for CPUs only, as its version tells."""
    installation = subject.known_installation()
    torch = None if installation is None else installation.packages.get("torch")
    if torch is None:
        return []
    only_cpu = torch.endswith("+cpu")
    why = message("A build of PyTorch for CPUs only finds no GPU, whatever the driver says.")
    remedy = Remedy(message("Install PyTorch's CUDA build into that environment."))
    return [
        Finding(
            "packages.torch_cuda",
            TORCH_CUDA_TITLE,
            subject.target.without_gpu if only_cpu else Status.OK,
            message("PyTorch {version} is built for CPUs only.", version=torch)
            if only_cpu
            else message("PyTorch {version} is built for GPUs.", version=torch),
            why,
            remedy if only_cpu else None,
        )
    ]


def _one(subject: Subject, package: str) -> Finding:
    installation = subject.known_installation()
    if installation is None or installation.version is None:
        return _finding(package, Status.UNKNOWN, NO_LMDEPLOY, LMDEPLOY_FIRST)
    for wanted in requirements(installation.version):
        if wanted.package == package:
            return _compare(installation, wanted)
    evidence = message(
        "{package} {version}; what LMDeploy {lmdeploy} needs is not known.",
        package=package,
        version=installation.packages.get(package) or message("(absent)"),
        lmdeploy=installation.lmdeploy or "",
    )
    return _finding(
        package, Status.UNKNOWN, evidence, Remedy(message("Use LMDeploy 0.2.0 or newer."))
    )


def _compare(installation: Installation, wanted: Requirement) -> Finding:
    installed = installation.packages.get(wanted.package)
    command = (str(installation.python), "-m", "pip", "install", wanted.specifier)
    remedy = Remedy(message("Install a version that fits."), command)
    if installed is None:
        if not wanted.needed:
            return _finding(wanted.package, Status.OK, message("(absent)"))
        evidence = message(
            "{package} is absent; LMDeploy {lmdeploy} needs {specifier}.",
            package=wanted.package,
            lmdeploy=installation.lmdeploy or "",
            specifier=wanted.specifier,
        )
        missing = Status.FAILURE if wanted.package in _TITLES else Status.WARNING
        return _finding(wanted.package, missing, evidence, remedy)
    evidence = message(
        "{package} {version}; LMDeploy {lmdeploy} wants {specifier}.",
        package=wanted.package,
        version=installed,
        lmdeploy=installation.lmdeploy or "",
        specifier=wanted.specifier,
    )
    if wanted.accepts(installed):
        return _finding(wanted.package, Status.OK, evidence)
    return _finding(wanted.package, Status.WARNING, evidence, remedy)


def _finding(
    package: str, status: Status, evidence: Message, remedy: Remedy | None = None
) -> Finding:
    title = Message(_TITLES[package]) if package in _TITLES else raw(package)
    why = Message(_WHYS.get(package, _WHY_OTHER))
    return Finding(f"packages.{package}", title, status, evidence, why, remedy)
