from __future__ import annotations

from pathlib import Path

from tools.cluster import mounts

TABLE = r"""22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:5 / /srv/a rw - tmpfs tmpfs rw
31 30 0:6 / /srv/a/with\040späce rw - tmpfs tmpfs rw
32 22 0:7 / /srv/ab rw - tmpfs tmpfs rw
"""


def test_the_deepest_mount_comes_first_and_neighbours_are_left_alone() -> None:
    assert mounts.below(Path("/srv/a"), TABLE) == [Path("/srv/a/with späce"), Path("/srv/a")]


def test_this_machine_s_own_table_can_be_read() -> None:
    assert Path("/proc") in mounts.below(Path("/"))
