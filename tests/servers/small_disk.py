"""A file system of a few hundred kilobytes that really runs full: a tmpfs, which only root may mount."""

import os
import subprocess

import pytest

NO_RIGHT = "a small disk cannot be mounted here"  # nothing that can be installed brings the right to


class SmallDisk:
    """Mounted on `path`; `fill` leaves next to nothing, `free` gives it back."""

    def __init__(self, path, kilobytes):
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path)],
            check=True, capture_output=True,
        )  # fmt: skip
        self.ballast = path / "ballast"

    def fill(self, leave=0):
        """Take all room but `leave` bytes."""
        room = os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_bsize
        with self.ballast.open("ab") as file:
            file.write(b"\0" * max(room - leave, 0))

    def free(self):
        self.ballast.unlink(missing_ok=True)

    def remove(self):
        subprocess.run(["umount", "--lazy", str(self.path)], check=True, capture_output=True)


@pytest.fixture
def small_disk():
    """Makes small disks: `small_disk(path, kilobytes)`; left out, loudly, where mounting is not allowed."""
    disks = []

    def make(path, kilobytes):
        try:
            disks.append(SmallDisk(path, kilobytes))
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"{NO_RIGHT} ({error}): full disks are not tested")
        return disks[-1]

    yield make
    for disk in disks:
        disk.remove()
