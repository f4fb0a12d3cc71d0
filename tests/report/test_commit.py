"""The commit in a report is read without git."""

from __future__ import annotations

import pytest

from pytest_parseapi.report.commit import commit_of

HASH = "0123456789abcdef0123456789abcdef01234567"


def files(folder, texts):
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    "texts",
    [
        {".git/HEAD": f"{HASH}\n"},
        {".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": f"{HASH}\n"},
        {
            ".git/HEAD": "ref: refs/heads/main\n",
            ".git/packed-refs": f"# x\n{HASH} refs/heads/main\n",
        },
        {
            ".git": "gitdir: main/.git/worktrees/a\n",
            "main/.git/worktrees/a/HEAD": "ref: refs/heads/a\n",
            "main/.git/worktrees/a/commondir": "../..\n",
            "main/.git/refs/heads/a": f"{HASH}\n",
        },
    ],
    ids=["detached", "branch", "packed", "linked working tree"],
)
def test_the_commit_of_a_folder(tmp_path, texts):
    files(tmp_path, texts)
    inner = tmp_path / "tests" / "unit"
    inner.mkdir(parents=True)
    assert commit_of(tmp_path) == commit_of(inner) == HASH


@pytest.mark.parametrize(
    "texts",
    [
        {".git/HEAD": "ref: refs/heads/main\n"},
        {".git/config": ""},
        {".git/HEAD": "ref: HEAD\n"},
        {".git/HEAD": "\udcff".encode("utf-8", "surrogatepass").decode("latin-1")},
    ],
    ids=["no commit yet", "no head", "ring", "no text"],
)
def test_a_folder_without_a_commit(tmp_path, texts):
    files(tmp_path, texts)
    assert commit_of(tmp_path) is None
