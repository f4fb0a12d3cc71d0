"""How the documentation is built: `sphinx-build -W docs site`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generate import write_reference

write_reference(Path(__file__).parent / "reference" / "generated")

project = "pytest-parseapi"
html_title = "pytest-parseapi"
html_show_copyright = False
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 4
exclude_patterns = ["reference/generated", "_build"]
default_role = "code"
smartquotes = False  # options keep their two hyphens
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
add_module_names = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
copybutton_prompt_text = "$ "
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_js_files = ["tables.js"]
html_theme_options = {"navigation_with_keys": True}
