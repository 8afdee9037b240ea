"""A small web server that behaves in the ways hosts do, and a cache folder of its own for each test."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from labkit.fetch import Remote

CONTENT = bytes(range(256)) * 800  # 204,800 bytes


class Host(ThreadingHTTPServer):
    """Serves CONTENT at /good, and what goes wrong elsewhere; `asked` holds (path, Range header)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str]] = []
        self.ended = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Host

    def log_message(self, *_args: object) -> None: ...

    def do_GET(self) -> None:
        path, wanted = self.path.strip("/"), self.headers.get("Range", "")
        self.server.asked.append((path, wanted))
        if path == "missing":
            self.send_error(404)
            return
        if path == "silent":
            self.server.ended.wait(20)
            return
        start = int(wanted[6:].split("-")[0]) if wanted and path != "whole" else 0
        body = CONTENT[::-1] if path == "wrong" else CONTENT
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if path == "cut":
            self.wfile.write(body[start : start + (len(body) - start) // 2])
            self.close_connection = True
        elif path == "slow":
            for at in range(start, len(body), 2000):
                if self.server.ended.wait(0.05):
                    return
                self.wfile.write(body[at : at + 2000])
        else:
            self.wfile.write(body[start:])


@pytest.fixture
def host() -> Iterator[Host]:
    server = Host()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def remote(host: Host):
    """Make a Remote of paths of the host."""

    def make(*paths: str, sha256: str = hashlib.sha256(CONTENT).hexdigest()) -> Remote:
        places = tuple((f"host {path}", path if "://" in path else host.url(path)) for path in paths)
        return Remote("thing.bin", sha256, len(CONTENT), places)

    return make


@pytest.fixture
def kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, with no other cache in sight and no network."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LABKIT_DATA", str(folder))
    monkeypatch.setenv("LABKIT_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    from labkit import cache

    monkeypatch.setattr(cache, "checkout", lambda: None)
    return folder
