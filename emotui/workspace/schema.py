"""Every key of `config.ini` by its name, and the releases that a set of keys tells of.

The rows stand in `schema_cache` and `schema_engine` (what a user tunes) and in `schema_model`
(the shape of the model, which `convert` has written and which must fit the weight files). They
were read in the tags 0.0.2 to 0.5.3 of LMDeploy: `TurbomindModelConfig` (before: `deploy.py`)
for what `convert` writes, `LlamaTritonModel.cc` and `LlamaBatch.cc` for what the engine does.
"""

from __future__ import annotations

from collections.abc import Mapping

from emotui.workspace.era import Era, era_of_keys
from emotui.workspace.key import Choice, Group, Key, Kind, Note
from emotui.workspace.schema_cache import CACHE_KEYS
from emotui.workspace.schema_engine import ENGINE_KEYS
from emotui.workspace.schema_model import MODEL_KEYS

__all__ = ["Choice", "Group", "Key", "Kind", "Note", "era_of", "keys"]

_KEYS = {key.name: key for key in (*CACHE_KEYS, *ENGINE_KEYS, *MODEL_KEYS)}


def keys() -> Mapping[str, Key]:
    """Return every known key by its name, in the order in which people want to see them."""
    return _KEYS


def era_of(values: Mapping[str, str]) -> Era:
    """Return the releases that would write a file with these keys."""
    return era_of_keys(values, {name: key.written for name, key in _KEYS.items()})
