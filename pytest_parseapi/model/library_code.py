"""Recognises code of libraries: of Python itself, of installed packages, or of this plugin."""

from __future__ import annotations

import functools
import os
import re
import sysconfig
from pathlib import Path
from typing import Final

_INSTALLED: Final = re.compile(r"[\\/](?:site|dist)-packages[\\/]")
_DIRECTORIES: Final = (
    f"{Path(__file__).parents[1]}{os.sep}",
    *{
        f"{sysconfig.get_path(name)}{os.sep}"
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    },
)


@functools.lru_cache(maxsize=4096)
def is_library(filename: str) -> bool:
    """Whether code of this file is a library's, and not the consumer's.

    An installed file is known by its directory's name too: what ``PYTHONPATH`` adds lies elsewhere
    than what the interpreter calls its own.

    Args:
        filename: as a code object has it.

    Example:
        >>> is_library(".venv/lib/python3.12/site-packages/httpx/_client.py")
        True
    """
    return filename.startswith((*_DIRECTORIES, "<frozen ")) or bool(_INSTALLED.search(filename))
