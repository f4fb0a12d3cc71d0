"""A request that is about to be put on record, and how it compares with what was sent before."""

from __future__ import annotations

from collections.abc import Hashable

from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.http import Excerpt, Request, size_of
from pytest_parseapi.model.request_content import media_type
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.caller import Caller
from pytest_parseapi.record.payload import Payload, document_bytes, may_hold_document, payload_of
from pytest_parseapi.record.request_changes import Sent, cures, is_curable, sent_by
from pytest_parseapi.record.retry_mark import RetryMark


class NewRequest:
    """A request with its caller and the moment at which it began.

    Args:
        request: what is asked.
        endpoint: where.
        names: the names of its document, none of them signed.
        caller: who asks.
        started: virtual seconds since the test began.
        document_names: finds the names by which requests mean a document.
        secrets: what its provider reads as the credential.
        mark: what it is known by in its caller's context.
    """

    __slots__ = (
        *("_document_names", "_payload", "caller", "endpoint", "names"),
        *("mark", "previous", "request", "secrets", "started"),
    )

    def __init__(
        self,
        request: Request,
        endpoint: Endpoint,
        names: tuple[str, ...],
        caller: Caller,
        started: float,
        document_names: DocumentNames,
        secrets: tuple[str, ...],
        mark: RetryMark,
    ) -> None:
        self.request = request
        self.endpoint = endpoint
        self.names = names
        self.caller = caller
        self.mark = mark
        self.started = started
        self.secrets = secrets
        self.previous: Hashable = None
        """What its caller asked about before at the same endpoint; None where it did not ask."""
        self._document_names = document_names
        self._payload: Payload | None = None

    @property
    def payload(self) -> Payload:
        """The document and the options in its body."""
        found = self._payload
        if found is None:
            request = self.request
            kind = request.header("content-type") or ""
            found = self._payload = payload_of(kind, request.body, self._document_names)
        return found

    @property
    def _content(self) -> str | None:
        """A digest of the document's bytes, sent or uploaded before; None if there are none."""
        if may_hold_document(media_type(self.request)):
            return self.payload.content
        return self._uploaded(self.names)

    @property
    def _may_have_content(self) -> bool:
        """Whether `_content` may be other than None; this is quicker to find out."""
        has_uploads = self._document_names.has_uploads
        return has_uploads or may_hold_document(media_type(self.request))

    def _uploaded(self, names: tuple[str, ...]) -> str | None:
        """A digest of the bytes that were uploaded under an id."""
        found = next(filter(None, map(self._document_names.upload, names)), None)
        return None if found is None else found.content

    @property
    def key(self) -> Hashable:
        """The key of its operation: the endpoint, and the document or the path."""
        endpoint = self.endpoint
        if "{" in endpoint.path:
            # The path names it: two runs of one document are two operations.
            return (endpoint.method, endpoint.path, self.request.path)
        if not self.names:
            return (endpoint, self.request.path, self.payload.content or self.payload.digest)
        # A file without a name of its own is known by its id, and gets another one each time.
        name = self._document_names.lasting_name(self.names[0])
        return (endpoint.method, endpoint.path, name, self.part)

    @property
    def part(self) -> str | None:
        """Which part of its document it is about; None where that is the whole."""
        option = self._document_names.part_option_in(self.request.body)
        return self.payload.option(option) if option else None

    def resends(self, before: Attempt) -> bool:
        """Whether its payload is that of an attempt, or the rest of it after a stream was read."""
        request = self.request
        kind = request.header("content-type")
        if request.body == before.body and kind == before.header("content-type"):
            return True
        earlier = before.payload
        return self.payload.digest == earlier.digest or earlier.spent_in(self.payload)

    def cures(self, before: Attempt) -> bool:
        """Whether it differs from an attempt in what cures the attempt's final error."""
        error = before.error
        if not isinstance(error, DocumentedError) or not is_curable(error):
            return False
        if self._has_lost_its_document(before):
            return False
        request = self.request
        now = Sent(request.body, request.query, request.header, self.secrets, self._document_names)
        return cures(error, sent_by(before), now)

    def _has_lost_its_document(self, before: Attempt) -> bool:
        """Whether its document has no bytes any more, because its stream was read before."""
        holds = may_hold_document(media_type(self.request))
        return holds and self.payload.content is None and before.payload.content is not None

    def lost_its_name(self, before: Attempt) -> bool:
        """Whether it is the same caller's retry of an attempt, without document, name or part."""
        if self.names and self.names == before.names:
            return self.part is None and before.part is not None
        if self.names and not self._may_have_content:
            return False
        content = self._content
        if content is None:
            return not self.names and size_of(self.request.body) < size_of(before.body)
        if content == (before.payload.content or self._uploaded(before.names)):
            return True
        return not self.names and self._is_rest_of(before)

    def _is_rest_of(self, before: Attempt) -> bool:
        """Whether its document is the rest of an attempt's, because a stream was read on."""
        rest = document_bytes(self.request.header("content-type") or "", self.request.body)
        whole = document_bytes(before.header("content-type") or "", before.body)
        if size_of(rest) >= size_of(whole):
            return False
        return isinstance(whole, Excerpt) or whole.endswith(rest) or whole.startswith(rest)
