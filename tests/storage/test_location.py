"""Which places are refused for a SQLite file, from mount tables as Linux writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.errors import UnsafeLocation
from storage.location import check_location, mount_of

MOUNTS = r"""/dev/vda / ext4 rw 0 0
nas:/export /mnt/nas nfs4 rw,relatime 0 0
//server/share /mnt/my\040share cifs rw 0 0
/dev/sdb1 /mnt/nas/local ext4 rw 0 0
user@host: /mnt/far fuse.sshfs rw 0 0
/dev/sdc1 /mnt/usb fuseblk rw 0 0
drvfs /mnt/c 9p rw,aname=drvfs 0 0
overlay /var/lib/overlay overlay rw 0 0
tmpfs /mnt/nas tmpfs rw 0 0
broken line
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mounts"
    path.write_text(MOUNTS)
    return path


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/mnt/my share/x.db", "cifs"),
        ("/mnt/my share/deep/er/x.db", "cifs"),
        ("/mnt/far/x.db", "fuse.sshfs"),
        ("/mnt/c/Users/x.db", "9p"),
    ],
)
def test_a_network_mount_is_refused_with_its_type(mounts: Path, path: str, kind: str) -> None:
    with pytest.raises(UnsafeLocation, match=f"type {kind}.*local disk"):
        check_location(Path(path), mounts)


@pytest.mark.parametrize(
    "path", ["/srv/x.db", "/mnt/usb/x.db", "/mnt/nas/local/x.db", "/mnt/my shareholder/x.db", "/var/lib/overlay/x.db"]
)
def test_a_local_disk_is_accepted_also_below_or_beside_a_network_mount(mounts: Path, path: str) -> None:
    check_location(Path(path), mounts)


def test_the_last_mount_on_a_point_counts(mounts: Path) -> None:
    assert mount_of(Path("/mnt/nas/x.db"), mounts) == ("tmpfs", "/mnt/nas")


@pytest.mark.parametrize(
    "folder",
    ["OneDrive", "OneDrive - St. Mary's", "onedrive-personal", "Dropbox", "Dropbox (Clinic)", "Google Drive",
     "GoogleDrive-me@x.org", "iCloud Drive", "com~apple~CloudDocs", "Mobile Documents", "Nextcloud", "Box Sync"],
)  # fmt: skip
def test_a_folder_that_looks_synced_is_refused(mounts: Path, folder: str) -> None:
    with pytest.raises(UnsafeLocation, match="synchronised folder"):
        check_location(Path("/home/me") / folder / "study" / "x.db", mounts)


@pytest.mark.parametrize("path", ["/home/me/dropbox.db", "/home/boxer/x.db", "/srv/mydropbox/x.db", "/srv/one/x.db"])
def test_a_name_that_only_resembles_one_is_accepted(mounts: Path, path: str) -> None:
    check_location(Path(path), mounts)


def test_a_link_into_a_synced_folder_is_followed(mounts: Path, tmp_path: Path) -> None:
    (tmp_path / "Dropbox").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "Dropbox")
    with pytest.raises(UnsafeLocation, match="Dropbox"):
        check_location(tmp_path / "data" / "x.db", mounts)


def test_without_a_mount_table_only_names_are_judged(tmp_path: Path) -> None:
    check_location(Path("/mnt/far/x.db"), tmp_path / "none")
