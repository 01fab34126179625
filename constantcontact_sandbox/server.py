"""The sandbox on a local port: HTTP/1.1 with connections that stay open."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, TypeAlias

from constantcontact_sandbox.answers import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from constantcontact_sandbox.answers import Response

Address: TypeAlias = "tuple[str, int]"
Connection: TypeAlias = "socket.socket | tuple[bytes, socket.socket]"  # the latter is UDP's

HOST = "127.0.0.1"

_RESET = struct.pack("ii", 1, 0)  # linger for no time: closing cuts the connection
_POLL = 0.02


class _Handler(BaseHTTPRequestHandler):
    """One connection: requests come in, answers go out, each in one write."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 20
    server: _Listener

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Answer every method alike: the base class looks for `do_GET` and so on."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        arrived = time.monotonic()
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        request = Request.of(self.command, self.path, dict(self.headers), body, arrived)
        response = self.server.answer(request)
        if response.delay and self.server.stopping.wait(response.delay):
            response.cut = "at once"
        if response.cut == "at once":
            self._cut()
            return
        self._write(response)
        if response.cut == "in the middle":
            self.close_connection = True

    def _write(self, response: Response) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            whole = response.cut == ""
            self.wfile.write(response.body if whole else response.body[: len(response.body) // 2])

    def _cut(self) -> None:
        """Reset the connection, as a broken gateway does, rather than end it."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.connection.close()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: what was asked is in `Sandbox.asked`."""


class _Listener(ThreadingHTTPServer):
    """A server that knows its connections, so that it can end them."""

    daemon_threads = True
    allow_reuse_port = False
    request_queue_size = 128

    def __init__(self, answer: Callable[[Request], Response], port: int) -> None:
        self.answer = answer
        self.stopping = threading.Event()
        self._open: dict[threading.Thread, socket.socket] = {}
        super().__init__((HOST, port), _Handler)

    def server_bind(self) -> None:
        """Take the port without asking the network for this machine's name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request(self, request: Connection, client_address: Address) -> None:
        """Give the connection a thread of its own."""
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        if isinstance(request, socket.socket):
            self._open[thread] = request
        thread.start()

    def process_request_thread(self, request: Connection, client_address: Address) -> None:
        """Serve the connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.pop(threading.current_thread(), None)

    def handle_error(self, request: Connection, client_address: Address) -> None:
        """Let clients go away in the middle of an answer; show any other error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def end(self) -> None:
        """Close the port, wake whoever waits, and see every connection end."""
        self.shutdown()
        self.stopping.set()
        for thread, connection in list(self._open.items()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()
        self.server_close()


class Server:
    """Serves what answers requests, on a local port, between `start` and `stop`."""

    def __init__(self, answer: Callable[[Request], Response], port: int) -> None:
        self._answer = answer
        self._wanted = port
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._listener is None:
            raise RuntimeError("The sandbox does not listen: use it in a `with`.")
        return self._listener.server_port

    def start(self) -> None:
        """Take the port, a free one if it was to be 0, and serve in the background.

        Raises:
            OSError: if the port is in use.
        """
        self._listener = _Listener(self._answer, self._wanted)
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(_POLL,), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port and all connections; stopping twice does no harm."""
        if self._listener is None or self._thread is None:
            return
        self._listener.end()
        self._thread.join()
        self._listener = self._thread = None
