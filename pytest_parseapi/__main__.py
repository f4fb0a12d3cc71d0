"""``python -m pytest_parseapi``."""

from __future__ import annotations

import sys

from pytest_parseapi.cli import main

if __name__ == "__main__":
    sys.exit(main())
