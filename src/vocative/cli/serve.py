"""`vocative serve`: the API, the web app and tracking links, and beside them the worker.

Two processes: this one answers requests, a lower-priority child applies the event log. A busy
worker in the same process would make every answer slow. Where the workspace names a stream, a
third carries it over to the log; where there are sources to be pulled, another one pulls them, and
where there are campaigns to be sent, another one sends these.
"""

import errno
import ipaddress
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

from vocative.campaign.conducting import is_wanted
from vocative.cli.children import Children
from vocative.collect.sourcing.runner import pullable
from vocative.errors import AuthorError, PrivacyError, StateError
from vocative.stores import StoreError
from vocative.workspace import Workspace
from vocative.workspace.definitions import definitions_stamp

STATIC = Path(__file__).parent.parent / "server" / "static"


def serve(
    workspace: Workspace, *, host: str = "127.0.0.1", port: int = 8750, worker: bool = True
) -> None:
    """Serve until interrupted.

    Args:
        workspace: What to serve.
        host: The address to listen on.
        port: The port to listen on.
        worker: Whether to run the worker that applies incoming events, and the relay of a stream.

    Raises:
        StateError: the port is taken.
        PrivacyError: the address can be reached from other machines and no API key is set.
    """
    if not _is_loopback(host) and not os.environ.get("VOCATIVE_API_KEY"):
        raise PrivacyError(
            f"{host} can be reached from other machines, and no API key is set",
            hint="export VOCATIVE_API_KEY=… first, or leave --host at 127.0.0.1",
        )
    bound = _bound(host, port)
    import uvicorn

    from vocative.server.app import create_app

    with workspace.store.read():
        pass  # A store that cannot be opened should stop us here, not at the first request.
    children = Children(workspace.root, _Beside(workspace) if worker else list)
    sys.stdout.write(f"Vocative serves {workspace.settings.workspace} at http://{host}:{port}\n")
    sys.stdout.write("Press Ctrl-C to stop.\n")
    sys.stdout.flush()
    try:
        config = uvicorn.Config(
            create_app(workspace), log_level="warning", access_log=False, lifespan="off"
        )
        uvicorn.Server(config).run(sockets=[bound])
    finally:
        bound.close()
        children.stop()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise StateError(
                f"port {port} is taken by another program",
                hint=f"stop it, or choose another port: vocative serve --port {port + 1}",
            ) from error
        raise StateError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return bound


class _Beside:
    """Which processes are wanted beside the server: some once there is something for them to do."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stamp: object = None
        self._pulls = False
        self._conducts = False

    def __call__(self) -> list[str]:
        wanted = ["worker"] if self._workspace.stream is None else ["worker", "relay"]
        if self._there_are_sources():
            wanted.append("puller")
        if self._there_are_campaigns():
            wanted.append("conductor")
        return wanted

    def _there_are_campaigns(self) -> bool:
        if not self._conducts:
            with suppress(StoreError):  # It is away for a moment; it is asked again.
                self._conducts = is_wanted(self._workspace)
        return self._conducts

    def _there_are_sources(self) -> bool:
        stamp = definitions_stamp(self._workspace.root, "source")
        if not self._pulls and stamp != self._stamp:
            try:
                self._pulls = bool(pullable(self._workspace))
                self._stamp = stamp
            except AuthorError:
                return False  # A file is being written; it is looked at again.
        return self._pulls
