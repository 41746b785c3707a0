"""One machine that never changes, for pictures: its GPUs, models, jobs, conversations and time.

Everything lies in one fixed folder, because paths stand in the pictures. The formats are the
real ones: model folders with real headers, a genuine `config.ini`, job records and a
conversation store that EmoTUI itself writes.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
import shutil
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from doubles.gpus import GIB, ScriptedGpus
from doubles.lmdeploy_double import make_lmdeploy
from doubles.model_folders import BYTES, safetensors_header

from emotui.chat.conversation import Conversation, Ending, Status
from emotui.gpu.sample import Gpu, GpuReading
from emotui.jobs.job import JobSpec, Publish
from emotui.jobs.processes import boot_id, open_lock, read_stat, take_lock
from emotui.lmdeploy.installation import Installation
from emotui.operations.services import Services
from emotui.support.paths import find_paths

ROOT = Path("/tmp/emotui-pictures")
FIXTURES = Path(__file__).parents[1] / "fixtures"
NOW = datetime(2026, 2, 24, 9, 30, tzinfo=timezone.utc)


class StillClock:
    """A clock that stands at `NOW`, or where it is put."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return 1000.0


class StillInstallations:
    """The installations of the machine, already asked."""

    problems = ()

    def __init__(self, *installations: Installation) -> None:
        self.installations = installations

    def list(self) -> tuple[Installation, ...]:
        return self.installations

    def get(self, python: Path | None = None) -> Installation:
        return next(
            (each for each in self.installations if each.python == python), self.installations[0]
        )


@dataclass
class StillMachine:
    """The machine: its services, and the folders that pictures show."""

    services: Services
    alone: int
    """Held while the folder is in use: another run of these tests waits."""
    lock: int = -1

    @property
    def model(self) -> Path:
        return ROOT / "models" / "EmoLLM-7B"

    @property
    def workspace(self) -> Path:
        return ROOT / "models" / "ws_fp16"

    def close(self) -> None:
        if self.lock >= 0:
            os.close(self.lock)
        self.services.close()
        shutil.rmtree(ROOT, ignore_errors=True)
        os.close(self.alone)


def build(monkeypatch: pytest.MonkeyPatch) -> StillMachine:
    """Make the machine anew."""
    alone = os.open(f"{ROOT}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(alone, fcntl.LOCK_EX)
    shutil.rmtree(ROOT, ignore_errors=True)
    environ = {"EMOTUI_HOME": str(ROOT / "home"), "HOME": str(ROOT), "PATH": "", "LANG": "C"}
    clock = StillClock()
    services = Services(find_paths(environ), environ, clock)
    services.settings.set("models.folders", [str(ROOT / "models")])
    services.__dict__["gpus"] = ScriptedGpus(_reading())
    _make_models(ROOT / "models")
    monkeypatch.chdir(ROOT / "models")
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=412 * GIB))
    monkeypatch.setattr(
        psutil, "virtual_memory", lambda: SimpleNamespace(total=256 * GIB, available=231 * GIB)
    )
    python = make_lmdeploy(ROOT / "venvs" / "lmdeploy-0.2.4")
    asked = services.installations.get(python)
    old = replace(asked, python_version="3.10.13", source="settings")
    new = replace(
        old,
        python=ROOT / "venvs" / "lmdeploy-0.18.0" / "bin" / "python",
        prefix=ROOT / "venvs" / "lmdeploy-0.18.0",
        lmdeploy="0.18.0",
        python_version="3.12.3",
        source="folder",
        packages={"torch": "2.11.0", "transformers": "4.57.1"},
    )
    services.__dict__["installations"] = StillInstallations(old, new)
    machine = StillMachine(services, alone)
    _make_jobs(machine, clock)
    _make_conversation(services)
    return machine


def _reading() -> GpuReading:
    def gpu(index: int, used: int, busy: int, heat: int, watts: float) -> Gpu:
        return Gpu(
            index,
            "NVIDIA A100-SXM4-80GB",
            f"GPU-{index}",
            memory_total=80 * GIB,
            memory_used=used * GIB,
            memory_free=(80 - used) * GIB,
            utilisation_percent=busy,
            temperature_c=heat,
            power_w=watts,
            power_limit_w=400.0,
            compute_capability=(8, 0),
        )

    return GpuReading("550.54.15", (12, 4), (gpu(0, 62, 87, 61, 318.0), gpu(1, 1, 0, 34, 58.0)))


def _make_models(folder: Path) -> None:
    internlm2 = {
        "architectures": ["InternLM2ForCausalLM"],
        "model_type": "internlm2",
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 92544,
        "max_position_embeddings": 32768,
        "torch_dtype": "float16",
    }
    _make_checkpoint(folder / "EmoLLM-7B", internlm2, _tensors(packed=False))
    awq = {"quant_method": "awq", "bits": 4, "group_size": 128}
    quantized = {**internlm2, "quantization_config": awq}
    _make_checkpoint(folder / "EmoLLM-7B-w4", quantized, _tensors(packed=True))
    _make_workspace(folder / "ws_fp16", internlm2)


LINEAR = {
    "attention.wqkv": (6144, 4096),
    "attention.wo": (4096, 4096),
    "feed_forward.w1": (14336, 4096),
    "feed_forward.w3": (14336, 4096),
    "feed_forward.w2": (4096, 14336),
}
"""InternLM2-7B's linear layers, as (out, in)."""
VOCABULARY, HIDDEN, LAYERS = 92544, 4096, 32


def _tensors(*, packed: bool) -> dict[str, tuple[str, tuple[int, ...]]]:
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {
        "model.tok_embeddings.weight": ("F16", (VOCABULARY, HIDDEN)),
        "model.norm.weight": ("F16", (HIDDEN,)),
        "output.weight": ("F16", (VOCABULARY, HIDDEN)),
    }
    for layer in range(LAYERS):
        for norm in ("attention_norm", "ffn_norm"):
            tensors[f"model.layers.{layer}.{norm}.weight"] = ("F16", (HIDDEN,))
        for name, (rows, columns) in LINEAR.items():
            place = f"model.layers.{layer}.{name}"
            if packed:
                tensors[f"{place}.qweight"] = ("I32", (columns, rows // 8))
                tensors[f"{place}.qzeros"] = ("I32", (columns // 128, rows // 8))
                tensors[f"{place}.scales"] = ("F16", (columns // 128, rows))
            else:
                tensors[f"{place}.weight"] = ("F16", (rows, columns))
    return tensors


def _make_checkpoint(
    folder: Path, config: dict[str, object], tensors: dict[str, tuple[str, tuple[int, ...]]]
) -> None:
    """Make a checkpoint whose weights are a hole in the file: it takes no room."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.model").write_bytes(b"\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ x }}"}))
    header = safetensors_header(tensors)
    weights = folder / "model.safetensors"
    weights.write_bytes(header)
    os.truncate(weights, len(header) + sum(_size(*tensor) for tensor in tensors.values()))


def _size(dtype: str, shape: tuple[int, ...]) -> int:
    return math.prod(shape) * BYTES[dtype]


def _make_workspace(folder: Path, config: dict[str, object]) -> None:
    weights = folder / "triton_models" / "weights"
    weights.mkdir(parents=True)
    genuine = (FIXTURES / "config_ini" / "0.2.4.ini").read_text()
    shape = {
        "model_name": "internlm2-chat-7b",
        "head_num": 32,
        "kv_head_num": 8,
        "vocab_size": VOCABULARY,
        "num_layer": LAYERS,
        "inter_size": 14336,
        "session_len": 32776,
        "rope_theta": 1000000.0,
        "max_position_embeddings": 32768,
    }
    for key, value in shape.items():
        genuine = re.sub(rf"^{key} = .*$", f"{key} = {value}", genuine, flags=re.MULTILINE)
    (weights / "config.ini").write_text(genuine)
    sizes = {"norm": HIDDEN, "output": VOCABULARY * HIDDEN, "tok_embeddings": VOCABULARY * HIDDEN}
    for layer in range(LAYERS):
        sizes |= {f"layers.{layer}.{norm}": HIDDEN for norm in ("attention_norm", "ffn_norm")}
        for name, (rows, columns) in LINEAR.items():
            turbomind = name.replace("wqkv", "w_qkv")
            sizes[f"layers.{layer}.{turbomind}.0"] = rows * columns
    for name, count in sizes.items():
        path = weights / f"{name}.weight"
        path.touch()
        os.truncate(path, count * 2)
    tokenizer = weights.parent / "tokenizer"
    tokenizer.mkdir()
    (tokenizer / "tokenizer.model").write_bytes(b"\n")
    (tokenizer / "config.json").write_text(json.dumps(config))


def _make_jobs(machine: StillMachine, clock: StillClock) -> None:
    spec = JobSpec(
        kind="convert",
        title="EmoLLM-7B -> ws_fp16",
        argv=(
            str(ROOT / "venvs" / "lmdeploy-0.2.4" / "bin" / "python"),
            *("-m", "lmdeploy", "convert", "internlm2-chat-7b", str(machine.model)),
            *("--dst-path", f"{machine.workspace}.partial"),
        ),
        cwd=ROOT / "models",
        publish=Publish(
            Path(f"{machine.workspace}.partial"), machine.workspace, False, ("config.ini",)
        ),
    )
    log = (FIXTURES / "lmdeploy" / "convert-0.2.4-fp16.log").read_bytes()
    end = {"boot": boot_id(), "host": os.uname().nodename, "signal": None, "leftovers": []}
    done = {"state": "succeeded", "exit_status": 0, "reason": None}
    failed = {
        "state": "failed",
        "exit_status": 1,
        "reason": {"code": "exit-status", "number": 1},
    }
    for number, (minutes, ending) in enumerate(((95, failed), (60, done), (4, None))):
        started = NOW - timedelta(minutes=minutes)
        clock.time = started
        made = machine.services.jobs.create(spec)
        folder = machine.services.jobs.path(f"{started:%Y%m%d-%H%M%S}-{number:06x}")
        machine.services.jobs.path(made.id).rename(folder)
        times = {"started": started.timestamp()}
        if ending is not None:
            (folder / "log").write_bytes(log)
            times |= {"ended": started.timestamp() + 83, "seconds": 83.0}
            (folder / "exit.json").write_text(json.dumps({**end, **ending, **times}))
        else:
            (folder / "log").write_bytes(log[: log.index(b" 75%")])
            own = [os.getpid(), (read_stat(os.getpid()) or SimpleNamespace(start=0)).start]
            state = {**end, **times, "state": "running", "supervisor": own, "child": own}
            (folder / "state.json").write_text(json.dumps(state))
            machine.lock = open_lock(str(folder / "lock"))
            assert take_lock(machine.lock)
    clock.time = NOW


QUESTION = "最近总是睡不好,白天也提不起精神。"
ANSWER = """听起来你这段时间很疲惫,谢谢你愿意告诉我。

睡不好往往不是一件事造成的,我们可以慢慢看:

1. **睡前一小时**:手机放远一点,灯光调暗。
2. **白天**:出门走十五分钟,哪怕只是绕着楼走一圈。
3. **躺下睡不着时**:不必强迫自己,试试这个呼吸节奏:

```text
吸气 4 秒 → 屏住 2 秒 → 呼气 6 秒
```

你愿意说说,最近有什么事一直在心里吗?"""
SECOND_QUESTION = "I keep thinking about work at night."
SECOND_ANSWER = (
    "That sounds exhausting. When the thoughts come, it can help to write them down in "
    "**one short line each** and leave the list for the morning.\n\n"
    "Which thought comes back most often?"
)


def _make_conversation(services: Services) -> None:
    conversation = Conversation(str(ROOT / "models" / "ws_fp16"), "turbomind", NOW, NOW)
    turns: list[tuple[str, str, Ending]] = [
        (QUESTION, ANSWER, Ending(Status.COMPLETE, "stop", 148, 0.74, 0.031)),
        (SECOND_QUESTION, SECOND_ANSWER, Ending(Status.COMPLETE, "stop", 52, 0.26, 0.024)),
    ]
    for question, answer, ending in turns:
        _asked, message = services.conversations.begin_turn(conversation, question)
        services.conversations.append(message.id, [answer])
        services.conversations.finish(message.id, ending)
