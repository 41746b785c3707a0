"""Writes a workspace and says what 0.2.4 says, without touching a tensor.

A model's config.json may ask for trouble: `"fail_at_layer": N` ends it there, and
`"wait_for": FILE` makes it wait, after the first layer, until that file exists.
"""

import json
import shutil
import sys
import time
from pathlib import Path


def convert(arguments):
    config = json.loads(Path(arguments.model_path, "config.json").read_text())
    assert Path(arguments.model_path, "tokenizer.model").exists(), "please supply tokenizer path"
    workspace = Path(arguments.dst_path)
    if workspace.exists():
        print(f"remove workspace in directory {workspace}")
        shutil.rmtree(workspace)
    print(f"create workspace in directory {workspace}")
    weights = workspace / "triton_models" / "weights"
    weights.mkdir(parents=True)
    print("model_name            ", arguments.model_name)
    layers = config["num_hidden_layers"]
    (weights / "config.ini").write_text(
        f"[llama]\nmodel_name = {arguments.model_name}\ntensor_para_size = {arguments.tp}\n"
        f"num_layer = {layers}\nsession_len = 2056\nquant_policy = 0\n\n"
    )
    for name in ("tok_embeddings", "norm", "output"):
        (weights / f"{name}.weight").write_bytes(b"\0" * 16)
    bar(0, layers)
    for layer in range(layers):
        assert layer != config.get("fail_at_layer"), "the layer could not be read"
        write_layer(weights, layer)
        bar(layer + 1, layers)
        while "wait_for" in config and not Path(config["wait_for"]).exists():
            time.sleep(0.01)
    sys.stderr.write("\n")


def write_layer(weights, layer):
    for piece in ("attention.w_qkv", "attention.wo", "feed_forward.w1"):
        shape = "torch.Size([256, 768])"
        print(f"*** splitting layers.{layer}.{piece}.weight, shape={shape}, split_dim=-1, tp=1")
        (weights / f"layers.{layer}.{piece}.0.weight").write_bytes(b"\0" * 16)


def bar(done, total):
    percent = 100 * done // total
    count = f"{percent:3d}%|{'#' * done}| {done}/{total} [00:00<00:00, 9.99it/s]"
    sys.stderr.write(f"\rConvert to turbomind format: {count}")
    sys.stderr.flush()
