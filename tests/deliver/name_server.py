"""A name server on UDP that knows what it is told."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = dict[tuple[str, str], list[str]]
"""(name, kind) → records as a zone file writes them."""


@contextmanager
def name_server(zone: Zone, *, fails: bool = False) -> Iterator[str]:
    """A name server; its ADDRESS:PORT."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, socket = self.request
            question = dns.message.from_wire(data)
            answer = dns.message.make_response(question)
            asked = question.question[0]
            name = asked.name.to_text().rstrip(".").lower()
            kind = dns.rdatatype.to_text(asked.rdtype)
            if fails:
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif records := zone.get((name, kind)):
                answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *records))
            elif not any(known == name for known, _ in zone):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            socket.sendto(answer.to_wire(), self.client_address)

    class Server(socketserver.ThreadingUDPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
