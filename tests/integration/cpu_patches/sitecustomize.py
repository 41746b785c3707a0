"""Let LMDeploy 0.2.4 convert where no GPU is: torch must not be asked for a driver or a device.

Imported by every interpreter that has this folder on PYTHONPATH; acts when torch is imported.
"""

import importlib.abc
import importlib.util
import sys


class _TorchFinder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("torch")
        loader = spec.loader
        run = loader.exec_module

        def exec_module(module):
            run(module)
            module.cuda.is_bf16_supported = lambda *args, **kwargs: False
            module.Tensor.cuda = lambda tensor, *args, **kwargs: tensor

        loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, _TorchFinder())
