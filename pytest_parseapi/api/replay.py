"""What a test replays of recorded traffic: a part of `ParseAPI`."""

from __future__ import annotations

import os

from pytest_parseapi.api.controls import Controls
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.record.recordings.reader import read_recording
from pytest_parseapi.service.replay_script import replay_of


class ReplayControls(Controls):
    """Scripts the replies of a recording."""

    def replay(self, recording: str | os.PathLike[str]) -> None:
        """Script the replies that were recorded of the real service, in their order.

        A request meets the first reply that is left for its endpoint and its document, as far as
        the recording names documents; what no recorded reply is left for succeeds. Each reply
        takes as long as it took, in virtual time, and a client that waits less times out. Runs keep
        their recorded ids, and are in `runs`.

        Args:
            recording: the path of a HAR 1.2 file, or of a cassette of VCR.py in YAML (which needs
                the extra ``yaml``) or JSON, which has no durations.

        Raises:
            UsageError: the file cannot be used; the message is one line.

        Example:
            >>> extend_api.replay("incident.har")  # doctest: +SKIP
            >>> our_app.parse("https://files.example.com/invoice.pdf")  # doctest: +SKIP
        """
        service, providers = self._service, self._active_simulation.providers
        provider = service.provider
        hosts = {host: other for other in providers.values() for host in other.hosts}
        found = read_recording(recording, hosts)
        owners = {hosts[exchange.request.host].name for exchange in found.exchanges}
        if provider.name not in owners:
            other = providers[min(owners)]
            raise UsageError(
                f"{found.name}: has no exchange with {provider.title}, but with {other.title}: "
                f"{other.in_tests}.replay() takes it"
            )
        service.script.add(replay_of(provider, found))
