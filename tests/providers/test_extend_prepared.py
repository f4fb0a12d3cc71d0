"""A reply that is written from a prepared text equals the one that is built as a whole."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from pytest_parseapi.providers.extend.bodies import processed_body, processed_text
from pytest_parseapi.providers.extend.config import DEFAULT_CONFIG
from pytest_parseapi.providers.extend.file_types import kind_of
from pytest_parseapi.providers.extend.state import ParsedDocument, StoredFile


@given(
    name=st.text(),
    extension=st.sampled_from(["", ".pdf", ".png", ".xlsx", ".docx", ".eml", ".html"]),
    converted=st.booleans(),
    created=st.floats(min_value=0, max_value=1e12),
)
@example(name='<<run>> %s %(name)s "\u2028', extension=".pdf", converted=False, created=1.0)
def test_a_prepared_reply_is_the_whole_one(name, extension, converted, created):
    kind = kind_of("a" + extension)
    file = StoredFile(
        id="file_7", name=name + extension, kind=kind, converted=converted, created=created
    )
    document = ParsedDocument(file=file, config=DEFAULT_CONFIG, metadata=None)
    whole = processed_body(None, "pr_9", document, None)
    assert processed_text("pr_9", file) == json.dumps(whole, separators=(",", ":")).encode()
