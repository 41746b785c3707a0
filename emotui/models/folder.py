"""What a folder is: `inspect` tells a checkpoint from an AWQ one from a workspace.

The types stand in `description.py` and are offered here too, since this is the module that
the rest of the program knows.
"""

from __future__ import annotations

from emotui.models.description import ModelFolder, ModelKind, Quantization, WeightFormat

__all__ = ["ModelFolder", "ModelKind", "Quantization", "WeightFormat"]
