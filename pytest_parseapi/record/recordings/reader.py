"""Reads a file of recorded exchanges, whatever its format."""

from __future__ import annotations

import importlib
import json
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from pytest_parseapi.model.mistakes import UsageError, listed
from pytest_parseapi.model.request_content import not_json
from pytest_parseapi.record.recordings.cassette import exchanges_of_cassette
from pytest_parseapi.record.recordings.exchange import Recording
from pytest_parseapi.record.recordings.fields import UnusableError, host_of
from pytest_parseapi.record.recordings.har import exchanges_of_har

_MAX_BYTES: Final = 1024**3
_YAML: Final = (".yaml", ".yml")
_NEITHER: Final = "is neither a HAR file nor a cassette of VCR.py"


def read_recording(path: object, hosts: Collection[str]) -> Recording:
    """Read the exchanges with certain hosts from a file.

    Args:
        path: a HAR 1.2 file, or a cassette of VCR.py in YAML or JSON.
        hosts: the hosts, in lower case.

    Returns:
        At least one exchange.

    Raises:
        UsageError: the file cannot be used; the message is one line.
    """
    if not isinstance(path, str) and not hasattr(path, "__fspath__"):
        raise UsageError(f"a recording is named by its path, not by {path!r}")
    file = Path(path)
    name = " ".join(str(file).split("\n"))
    try:
        exchanges = _exchanges(file, hosts)
    except UnusableError as error:
        raise UsageError(f"{name}: {error}") from None
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror or 'cannot be read'}") from None
    except ValueError:  # a path that no file can have
        raise UsageError(f"{name!r}: cannot be read") from None
    if not exchanges:
        known = listed(sorted(hosts))
        raise UsageError(f"{name}: has no exchange with a documented host ({known})")
    return Recording(name=name, exchanges=tuple(exchanges))


def _exchanges(file: Path, hosts: Collection[str]) -> list[Any]:
    def wanted(url: object) -> bool:
        return host_of(url) in hosts

    data = _data(file)
    if "log" in data:
        return exchanges_of_har(data, wanted, file.parent)
    if "interactions" in data:
        return exchanges_of_cassette(data, wanted)
    raise UnusableError(_NEITHER)


def _data(file: Path) -> Mapping[Any, Any]:
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise UnusableError("is no file")
    if found.st_size > _MAX_BYTES:
        raise UnusableError(f"has more than {_MAX_BYTES // 1024**2:,} MB")
    raw = file.read_bytes()
    if raw.startswith(b"PK\x03\x04"):
        raise UnusableError("is a zip archive: unpack it, and name the HAR file in it")
    is_yaml = file.suffix.lower() in _YAML
    begins = raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if begins in (b"{", b"[") or not (is_yaml or b"interactions" in raw):
        try:
            data = json.loads(raw, parse_constant=not_json)
        except (ValueError, RecursionError):
            if not is_yaml:
                problem = "is no JSON that can be read" if begins in (b"{", b"[") else _NEITHER
                raise UnusableError(problem) from None
            data = _yaml(raw)
    else:
        data = _yaml(raw)
    if not isinstance(data, dict):
        raise UnusableError(_NEITHER)
    return data


def _yaml(raw: bytes) -> Any:
    try:
        yaml: Any = importlib.import_module("yaml")
    except ImportError:
        raise UnusableError(
            "is YAML, which needs PyYAML: pip install 'pytest-parseapi[yaml]'"
        ) from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(raw, Loader=loader)
    except Exception:  # noqa: BLE001 - a constructor of YAML may raise whatever its value makes it
        raise UnusableError("is no YAML that can be read") from None
