"""Reading GPUs: through a library that answers as NVML does, through none, and for real."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from doubles import nvml as fake

from emotui.gpu.nvml import Gpus

GIB = 1 << 30

READ = """
import json
from emotui.gpu.nvml import Gpus
gpus = Gpus()
def show(reading):
    print(json.dumps({
        "driver": reading.driver,
        "cuda": reading.cuda_text,
        "problem": None if reading.problem is None else str(reading.problem),
        "gpus": [gpu.to_json() for gpu in reading.gpus],
    }))
"""


@pytest.fixture(scope="module")
def library() -> Path:
    folder = fake.build()
    if folder is None:
        pytest.skip("there is no C compiler")
    return folder


def run(script: str, environment: dict[str, str]) -> list[dict]:
    done = subprocess.run(
        [sys.executable, "-c", READ + script],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_gpu_is_read_with_all_that_the_driver_tells(library: Path) -> None:
    (reading,) = run("show(gpus.read())", fake.environment(library))
    assert (reading["driver"], reading["cuda"], reading["problem"]) == ("550.54.15", "12.4", None)
    assert [gpu["index"] for gpu in reading["gpus"]] == list(range(8))
    assert reading["gpus"][3] == {
        "index": 3,
        "name": "NVIDIA A100-SXM4-80GB",
        "uuid": "GPU-00000003-0000-4000-8000-000000000000",
        "memory_total": 80 * GIB,
        "memory_used": 17 * GIB,
        "memory_free": 62 * GIB,
        "utilisation_percent": 36,
        "temperature_c": 43,
        "power_w": 210.5,
        "power_limit_w": 400.0,
        "compute_capability": "8.0",
        "processes": [],
    }


def test_a_process_whose_memory_is_hidden_has_unknown_memory(library: Path) -> None:
    (reading,) = run("show(gpus.read())", fake.environment(library, gpus=1))
    assert reading["gpus"][0]["processes"] == [
        {"pid": 4711, "memory_used": 16 * GIB},
        {"pid": 4712, "memory_used": None},
    ]


def test_what_the_driver_does_not_tell_is_unknown_and_never_zero(library: Path) -> None:
    (reading,) = run("show(gpus.read())", fake.environment(library, gpus=1, silent=1))
    (gpu,) = reading["gpus"]
    assert gpu.pop("index") == 0
    assert set(gpu.values()) == {None}
    assert reading["driver"] is None
    assert reading["problem"] is None


def test_a_name_with_terminal_controls_is_cleaned(library: Path) -> None:
    environment = fake.environment(library, gpus=1, name="RTX\x1b]52;c;aGk=\x07 4090\x1b[31m")
    (reading,) = run("show(gpus.read())", environment)
    assert reading["gpus"][0]["name"] == "RTX 4090"


def test_a_driver_without_gpus_is_said_plainly(library: Path) -> None:
    (reading,) = run("show(gpus.read())", fake.environment(library, gpus=0))
    assert reading["driver"] == "550.54.15"
    assert reading["problem"] == "The NVIDIA driver is running, but it sees no GPU."


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (9, "kernel module is not loaded"),
        (18, "Restart the machine"),
        (4, "does not let this user"),
        (999, "does not answer"),
    ],
)
def test_a_driver_in_trouble_says_which(
    library: Path, tmp_path: Path, code: int, words: str
) -> None:
    state = tmp_path / "state"
    state.write_text(str(code))
    (reading,) = run("show(gpus.read())", fake.environment(library, state=state))
    assert reading["gpus"] == []
    assert words in reading["problem"]


def test_a_driver_that_comes_back_is_seen_again(library: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    script = f"""
from pathlib import Path
for code in "0", "9", "0":
    Path({str(state)!r}).write_text(code)
    show(gpus.read())
"""
    before, gone, after = run(script, fake.environment(library, gpus=2, state=state))
    assert len(before["gpus"]) == 2
    assert "kernel module" in gone["problem"]
    assert after == before


def test_a_driver_that_hangs_holds_nobody_and_not_the_end_of_the_process(library: Path) -> None:
    script = "show(gpus.read(0.1)); show(gpus.read(0.1)); gpus.close()"
    first, second = run(script, fake.environment(library, hang=1))
    assert first["problem"] == second["problem"] == "The NVIDIA driver has not answered yet."


def test_many_threads_may_read_at_once(library: Path) -> None:
    script = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    readings = list(pool.map(lambda _: gpus.read(30), range(64)))
print(json.dumps({"counts": sorted({len(reading.gpus) for reading in readings})}))
"""
    assert run(script, fake.environment(library, gpus=3)) == [{"counts": [3]}]


def test_a_closed_reader_reads_again(library: Path) -> None:
    script = "gpus.read(); gpus.close(); show(gpus.read())"
    (reading,) = run(script, fake.environment(library, gpus=1))
    assert reading["problem"] is None


def test_without_the_library_the_reading_says_that_there_is_no_driver(tmp_path: Path) -> None:
    # An unloadable file of the name hides the library of a machine that has one.
    (tmp_path / "libnvidia-ml.so.1").write_text("no library")
    script = "import ctypes.util; show(gpus.read())"
    (reading,) = run(script, fake.environment(tmp_path))
    if reading["gpus"]:
        pytest.skip("the loader found the real library elsewhere")
    assert "There is no NVIDIA driver on this machine" in reading["problem"]


def test_reading_gpus_is_all_that_loads_pynvml(library: Path) -> None:
    script = """
import sys
print(json.dumps({"before": "pynvml" in sys.modules}))
gpus.read()
print(json.dumps({"after": "pynvml" in sys.modules}))
"""
    assert run(script, fake.environment(library)) == [{"before": False}, {"after": True}]


@pytest.mark.gpu
def test_the_real_driver_tells_the_same_fields() -> None:
    reading = Gpus().read(60)
    if reading.problem is not None:
        pytest.skip(f"there is no GPU: {reading.problem}")
    assert reading.driver
    assert reading.cuda is not None
    for gpu in reading.gpus:
        assert gpu.name
        assert gpu.uuid
        assert gpu.memory_total is None or gpu.memory_total > GIB
        assert gpu.compute_capability is not None
