"""Which file systems are trusted with a write-ahead log."""

from pathlib import Path

import pytest

from emotui.chat.filesystem import filesystem_type, is_local

MOUNTS = r"""22 1 0:20 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:44 / /home rw,relatime shared:1 - nfs4 server:/home rw
31 30 0:45 / /home/me/fast\040disk rw - xfs /dev/nvme0n1 rw
32 22 0:46 / /data rw master:2 propagate_from:1 - fuse.juicefs JuiceFS:x rw
33 22 0:47 / /over rw - ext4 /dev/sdb rw
34 22 0:48 / /over rw - lustre 10.0.0.1@tcp:/l rw
nonsense
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS)
    return path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/etc/emotui", "ext4"),
        ("/home/me/.local/share/emotui", "nfs4"),
        ("/home/me/fast disk/emotui", "xfs"),
        ("/data/x", "fuse.juicefs"),
        ("/database", "ext4"),
        ("/over/x", "lustre"),
    ],
)
def test_the_deepest_and_latest_mount_decides(mounts: Path, path: str, expected: str) -> None:
    assert filesystem_type(Path(path), mounts) == expected
    assert is_local(Path(path), mounts) == (expected in {"ext4", "xfs"})


def test_what_cannot_be_told_is_not_local(tmp_path: Path) -> None:
    assert filesystem_type(tmp_path, tmp_path / "absent") is None
    assert not is_local(tmp_path, tmp_path / "absent")


def test_this_machine_answers(tmp_path: Path) -> None:
    assert filesystem_type(tmp_path) is not None
