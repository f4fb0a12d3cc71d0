"""The commit that a folder's files are of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_HASH: Final = re.compile(r"[0-9a-f]{40,64}")
_MAX_LINKS: Final = 5


def commit_of(folder: Path) -> str | None:
    """The hash of the commit that is checked out in a folder's repository, read from its files.

    Git itself is not run: it may be missing, and a child process costs more than the whole report.

    Args:
        folder: a folder in the working tree.

    Returns:
        The hash; None where the folder is in no repository, or has no commit yet.
    """
    try:
        for parent in (folder, *folder.parents):
            if (parent / ".git").exists():
                return _head(_git_folder(parent / ".git"))
    except (OSError, ValueError):
        pass
    return None


def _git_folder(git: Path) -> Path:
    """Follow the file that stands for the folder in a linked working tree."""
    if git.is_dir():
        return git
    return git.parent / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()


def _head(git: Path) -> str | None:
    common = git / "commondir"
    shared = git / common.read_text(encoding="utf-8").strip() if common.exists() else git
    text = (git / "HEAD").read_text(encoding="utf-8").strip()
    for _ in range(_MAX_LINKS):
        if _HASH.fullmatch(text):
            return text
        name = text.removeprefix("ref:").strip()
        places = [place / name for place in (git, shared) if (place / name).is_file()]
        text = places[0].read_text(encoding="utf-8").strip() if places else _packed(shared, name)
    return None


def _packed(shared: Path, name: str) -> str:
    packed = shared / "packed-refs"
    if packed.is_file():
        for line in packed.read_text(encoding="utf-8").splitlines():
            commit, _, found = line.partition(" ")
            if found == name:
                return commit
    return ""
