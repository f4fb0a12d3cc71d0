"""``python -m pytest_parseapi``."""

from __future__ import annotations

import sys

from pytest_parseapi.cli import main

sys.exit(main())
