"""A session that sweeps tests of the small consumer."""

from __future__ import annotations

import textwrap

import pytest
from sweep_app import APP


@pytest.fixture
def sweep(pytester, nested):
    """Sweeps a file of tests of the small consumer; gives the result, with its text."""

    def run(tests, *options, kinds="retryable", plugins=(), app=APP, **files):
        pytester.makepyfile(app=app, **files)
        head = "import pytest\nfrom app import *\n"
        text = head + textwrap.dedent(tests)
        asked = ["--parseapi-sweep", *([f"--parseapi-sweep-kinds={kinds}"] if kinds else [])]
        result = nested(text, "--strict-markers", *asked, *options, plugins=plugins)
        result.text = result.stdout.str()
        return result

    return run
