"""Are the installed files ours? `rules`, `storage` and `bot` are generic names that another package can overwrite.

Each file is compared with the digest in the wheel's RECORD
(https://packaging.python.org/en/latest/specifications/recording-installed-packages/). An editable checkout has no
such digests for its sources and is not checked.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.metadata import Distribution, PackageNotFoundError, distribution

ROOMS = ("bot/", "rules/", "storage/")


def damaged_files(name: str = "dsmbot") -> list[str]:
    """Installed files of our rooms whose content is not that of the wheel, or that are gone; [] when all are ours.

    A package that is not installed at all, or installed for editing, gives [].
    """
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return []
    if _is_editable(package):
        return []
    damaged = []
    for file in package.files or []:
        if not str(file).startswith(ROOMS) or file.hash is None:
            continue
        path = file.locate()
        try:
            digest = hashlib.new(file.hash.mode, path.read_bytes()).digest()  # type: ignore[attr-defined]
        except OSError:
            damaged.append(str(file))
            continue
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
            damaged.append(str(file))
    return damaged


def _is_editable(package: Distribution) -> bool:
    origin = package.read_text("direct_url.json")
    return bool(origin and json.loads(origin).get("dir_info", {}).get("editable"))
