"""What the live server bears, side by side with pytest-httpserver and uvicorn.

Run it by ``python benchmarks/server.py`` in an environment with the extras ``dev`` and
``benchmarks``. Each server has a process of its own, and one load generator asks them all, in turn,
in one run: the ratios are what matters. The others reply with a constant; the live server checks
each request, simulates the API and keeps records.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import resource
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

BODY = b'{"file":{"url":"https://files.example.com/invoice.pdf"}}'
HEADERS = "host: x\r\nauthorization: Bearer key\r\ncontent-type: application/json\r\n"
ASK = f"POST /parse HTTP/1.1\r\n{HEADERS}content-length: {len(BODY)}\r\n\r\n".encode() + BODY
REPLY = json.dumps({"object": "parse_run", "output": "x" * 850}).encode()
SECONDS = 3.0
ROUNDS = 3


def serve_live() -> None:
    from pytest_parseapi.api.simulation import Settings, Simulation
    from pytest_parseapi.clients.tls import SharedContexts
    from pytest_parseapi.providers.registry import registry
    from pytest_parseapi.service import fuse

    # The same request again and again would end a test: it is what a poll forever looks like.
    fuse.MAX_POLLS = 10**12
    settings = Settings(seed="benchmark", max_attempts=10**9, real_time=True)
    simulation = Simulation(registry(), settings, SharedContexts())
    simulation.start()
    provider = os.environ.get("PROVIDER", "extend")
    announce(int(simulation.live.url(simulation.providers[provider]).split(":")[2].split("/")[0]))
    while sys.stdin.readline():
        # A miss stops a test for good; here the fuzz goes on. A mistake of ours ends it.
        if "broke" in (simulation.stops.message or ""):
            raise SystemExit(simulation.stops.message)
        simulation.stops.message = None
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({"peak": usage.ru_maxrss * 1024}), flush=True)


def serve_uvicorn() -> None:
    import uvicorn

    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(REPLY))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": REPLY})

    # As uvicorn makes it itself: asyncio turns Nagle's algorithm off only where TCP is named.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(2048)
    announce(sock.getsockname()[1])
    config = uvicorn.Config(app, http="h11", loop="asyncio", lifespan="off", log_level="error")
    config.access_log = False
    uvicorn.Server(config).run(sockets=[sock])


def serve_httpserver() -> None:
    from pytest_httpserver import HTTPServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with HTTPServer(port=0) as server:
        server.expect_request("/parse").respond_with_data(REPLY, content_type="application/json")
        announce(server.port)
        sys.stdin.read()


def announce(port: int) -> None:
    print(port, flush=True)


SERVERS = {
    "live server": serve_live,
    "uvicorn with h11": serve_uvicorn,
    "pytest-httpserver": serve_httpserver,
}


@contextlib.contextmanager
def running(name: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, __file__, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def load(port: int, connections: int, seconds: float) -> float:
    """Requests answered a second, each connection asking anew as soon as it has its reply."""
    selector = selectors.DefaultSelector()
    done = 0

    def connect() -> None:
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        sock.send(ASK)
        selector.register(sock, selectors.EVENT_READ, bytearray())

    for _ in range(connections):
        connect()
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        for key, _ in selector.select(1):
            data = key.fileobj.recv(65536)
            seen: bytearray = key.data
            seen += data
            head, end, body = seen.partition(b"\r\n\r\n")
            if end:
                assert head[9:12] == b"200", bytes(seen)
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                if len(body) < size:
                    continue
                done += 1
                seen.clear()
                if b"connection: close" not in head.lower():
                    key.fileobj.send(ASK)
                    continue
            elif data:
                continue
            selector.unregister(key.fileobj)
            key.fileobj.close()
            connect()
    rate = done / (time.perf_counter() - began)
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    selector.close()
    return rate


def throughput() -> None:
    """Requests a second, best of the rounds, servers in turn."""
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(running(name))[1] for name in SERVERS}
        best = dict.fromkeys(ports, 0.0)
        for _ in range(ROUNDS):
            for name, port in ports.items():
                best[name] = max(best[name], load(port, 16, SECONDS))
        for name, rate in best.items():
            print(f"{name:20}{rate:10,.0f} requests/s  16 connections, best of {ROUNDS}")
        live = best["live server"]
        print(f"  of uvicorn {live / best['uvicorn with h11']:.2f}, at least 0.70 is asked")
        print(f"  of pytest-httpserver {live / best['pytest-httpserver']:.2f}, at least 2 is asked")
        rate = load(ports["live server"], 1000, SECONDS)
        print(f"{'live server':20}{rate:10,.0f} requests/s  1,000 connections")


def upload(megabytes: int) -> None:
    """One large upload, and how much memory its server then had had at most."""
    chunk = os.urandom(1024 * 1024)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    tail = b"\r\n--b--\r\n"
    size = len(head) + megabytes * len(chunk) + len(tail)
    with running("live server", PROVIDER="nutrient") as (process, port):

        def send(count: int) -> bytes:
            whole = len(head) + count * len(chunk) + len(tail)
            with socket.create_connection(("127.0.0.1", port)) as sock:
                sock.sendall(
                    b"POST /extraction/parse HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key\r\n"
                    b"content-type: multipart/form-data; boundary=b\r\n"
                    b"content-length: %d\r\n\r\n" % whole + head
                )
                for _ in range(count):
                    sock.sendall(chunk)
                sock.sendall(tail)
                return sock.recv(65536)[9:12]

        send(0)
        before = asked(process)
        began = time.perf_counter()
        status = send(megabytes)
        took = time.perf_counter() - began
        more = (asked(process) - before) / 1e6
        print(
            f"upload of {size / 1024**2:.0f} MB: {status.decode()} in {took:.2f} s, {more:.1f} MB "
            f"more memory, under 20 is asked"
        )


def asked(process: subprocess.Popen[str]) -> int:
    """The most memory that the live server has had so far, in bytes."""
    process.stdin.write("\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())["peak"]


def fuzz(inputs: int, seed: int = 4) -> None:
    """Malformed requests, after each of which the server still answers or closes."""
    source = random.Random(seed)
    closed = 0
    with running("live server") as (process, port):
        for number in range(inputs):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
                with contextlib.suppress(ConnectionError):
                    sock.sendall(malformed(source))
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(65536):
                        pass
                closed += 1
            if number % 10 == 0:
                asked(process)
        asked(process)
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.sendall(ASK)
            answer = sock.recv(65536)
            status = answer[9:12].decode()
            assert status == "200", answer.decode()
        print(f"fuzz: {closed:,} of {inputs:,} malformed inputs answered or closed, then {status}")


def malformed(source: random.Random) -> bytes:
    """A request with something wrong with it, or nothing like a request."""
    data = bytearray(ASK)
    kind = source.randrange(6)
    if kind == 0:
        return source.randbytes(source.randrange(1, 2000))
    if kind == 1:
        return bytes(data[: source.randrange(len(data))])
    for _ in range(source.randrange(1, 8)):
        place = source.randrange(len(data) + 1)
        if kind == 2:
            data[place : place + 1] = source.randbytes(1)
        elif kind == 3:
            del data[place : place + source.randrange(1, 30)]
        elif kind == 4:
            data[place:place] = source.randbytes(source.randrange(1, 70_000))
        else:
            odd = [
                b"\r\n",
                b"\0",
                b": ",
                b"\xff" * 9,
                b"transfer-encoding: chunked\r\n",
                b"-1",
                ASK,
            ]
            data[place:place] = source.choice(odd)
    return bytes(data)


@contextlib.contextmanager
def served() -> Iterator[tuple[int, int]]:
    """``serve`` itself, whose records are bounded: its process id and port."""
    command = [sys.executable, "-m", "pytest_parseapi", "serve", "extend"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = int(process.stdout.readline().split(":")[2].split()[0])
            # Its log is read as it comes, as a terminal does.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield process.pid, port
        finally:
            process.kill()


def state_of(process: int) -> str:
    """Resident memory and open descriptors of a process."""
    place = Path(f"/proc/{process}")
    resident = int((place / "statm").read_text().split()[1]) * resource.getpagesize() / 1e6
    return f"{resident:6.1f} MB, {len(list((place / 'fd').iterdir()))} descriptors"


def idle(count: int) -> None:
    """Connections that ask nothing, and then others that leave in the middle of a request."""
    with served() as (process, port):
        print(f"{'serve, just begun':42}{state_of(process)}")
        socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        time.sleep(0.5)
        for sock in socks:
            sock.close()
        time.sleep(0.5)
        print(f"{f'after {count:,} idle connections':42}{state_of(process)}")
        for number in range(5_000):
            with socket.create_connection(("127.0.0.1", port)) as sock:
                sock.sendall(ASK[: number % len(ASK)])
        time.sleep(0.5)
        print(f"{'after 5,000 aborted requests':42}{state_of(process)}")


def for_days(requests: int, each: int) -> None:
    """Parsed, uploaded and submitted documents, each with a name of its own, by many tokens."""
    with served() as (process, port):
        selector = selectors.DefaultSelector()
        sent = 0

        def ask(sock: socket.socket) -> None:
            nonlocal sent
            sock.sendall(varied(sent, sent // each))
            sent += 1

        for _ in range(16):
            sock = socket.create_connection(("127.0.0.1", port))
            selector.register(sock, selectors.EVENT_READ)
            ask(sock)
        shown = {20_000, 50_000, 100_000, 150_000, requests}
        began = time.perf_counter()
        done = 0
        while done < requests:
            for key, _ in selector.select(1):
                # A reply comes whole, for the client sends its next request only then.
                data = key.fileobj.recv(262_144)
                assert data[9:12] in (b"200", b"500"), data
                done += 1
                if done in shown:
                    rate = done / (time.perf_counter() - began)
                    title = f"after {done:,} requests, {each} a token"
                    print(f"{title:42}{state_of(process)}, {rate:,.0f} requests/s")
                ask(key.fileobj)


def varied(number: int, token: int) -> bytes:
    """One of several requests about a document that no other one is about."""
    base = f"/s/t{token}"
    if number % 4 == 0:
        part = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{number}.pdf"\r\n'
        body = f"{part}\r\n{'x' * 2000}\r\n--b--\r\n".encode()
        return request(f"{base}/files/upload", "multipart/form-data; boundary=b", body)
    document = f'{{"file":{{"url":"https://files.example.com/{number}.pdf"}}}}'.encode()
    if number % 4 == 1:
        return request(f"{base}/parse_runs", "application/json", document)
    if number % 10 == 2:
        return request(f"{base}/__parseapi/fail", "application/json", b'{"errors":["OCR_ERROR"]}')
    return request(f"{base}/parse", "application/json", document)


def request(path: str, kind: str, body: bytes) -> bytes:
    """A POST."""
    return (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer key\r\n"
        f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body


def main() -> None:
    if len(sys.argv) > 1:
        if sys.argv[1] == "memory":
            idle(2_000)
            for_days(200_000, each=200_000)
            for_days(200_000, each=20)
            for_days(200_000, each=1)
        else:
            SERVERS[sys.argv[1]]()
        return
    throughput()
    upload(149)
    fuzz(10_000)


if __name__ == "__main__":
    main()
