"""The checks, one file a family. To add one: a function, its line here, its test."""

from __future__ import annotations

from emotui.environment.checks import driver, gpus, lmdeploy, model, packages, resources
from emotui.environment.runner import Check
from emotui.support.language import Message, message

CHECKS = (
    Check("driver.present", driver.PRESENT_TITLE, driver.check_present),
    Check("driver.version", driver.VERSION_TITLE, driver.check_version),
    Check("gpu.visible", driver.VISIBLE_TITLE, driver.check_visible),
    Check("gpu.memory", gpus.MEMORY_TITLE, gpus.check_memory),
    Check("gpu.capability", gpus.CAPABILITY_TITLE, gpus.check_capability),
    Check("lmdeploy.version", lmdeploy.VERSION_TITLE, lmdeploy.check_version),
    Check("lmdeploy.internlm2", lmdeploy.INTERNLM2_TITLE, lmdeploy.check_internlm2),
    Check("lmdeploy.task", lmdeploy.TASK_TITLE, lmdeploy.check_task),
    Check("python.version", lmdeploy.PYTHON_TITLE, lmdeploy.check_python),
    Check("packages.torch", Message(packages.TORCH_TITLE), packages.check_torch),
    Check("packages.torch_cuda", packages.TORCH_CUDA_TITLE, packages.check_torch_cuda),
    Check(
        "packages.transformers", Message(packages.TRANSFORMERS_TITLE), packages.check_transformers
    ),
    Check("packages.others", message("Other packages"), packages.check_others),
    Check("model.folder", model.TITLE, model.check_folder),
    Check("disk.space", resources.DISK_TITLE, resources.check_disk, limit_s=5.0),
    Check("host.memory", resources.MEMORY_TITLE, resources.check_memory),
)
"""Every check, in the order in which their findings are told."""
