"""The application that the tests import: the mended one, or the one with bugs.

``INVOICES=planted pytest --parseapi-sweep examples/invoice_app`` finds the bugs, although every
test passes in both.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / os.environ.get("INVOICES", "mended")))
