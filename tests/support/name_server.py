"""A name server on loopback that answers by UDP from a table, so that look-ups run as they do in the world."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

# A name to its records, each `TYPE text` as a zone file has it: {"shop.example": ["MX 10 mx.shop.example."]}.
Zone = Mapping[str, list[str]]


def txt(text: str) -> str:
    """Return a TXT record, cut into strings of at most 255 characters."""
    return "TXT " + " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))


@contextmanager
def name_server(zone: Zone, *, failing: frozenset[str] = frozenset(), silent: bool = False) -> Iterator[str]:
    """Yield `127.0.0.1:port`. Names in `failing` get SERVFAIL, a `silent` server answers nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        host, port = door.getsockname()
        thread = threading.Thread(target=_serve, args=(door, zone, failing, silent), daemon=True)
        thread.start()
        try:
            yield f"{host}:{port}"
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
                bell.sendto(b"", (host, port))  # an empty datagram is no question: the thread ends
            thread.join(10)


def _serve(door: socket.socket, zone: Zone, failing: frozenset[str], silent: bool) -> None:
    while True:
        question, asker = door.recvfrom(4096)
        if not question:
            return
        if not silent:
            with suppress(OSError):
                door.sendto(_answer(dns.message.from_wire(question), zone, failing).to_wire(), asker)


def _answer(question: dns.message.Message, zone: Zone, failing: frozenset[str]) -> dns.message.Message:
    asked = question.question[0]
    name = asked.name.to_text(omit_final_dot=True).lower()
    answer = dns.message.make_response(question)
    answer.flags |= dns.flags.RA | dns.flags.AA
    if name in failing:
        answer.set_rcode(dns.rcode.SERVFAIL)
    elif name not in zone and not any(other.endswith("." + name) for other in zone):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    else:
        kind = dns.rdatatype.to_text(asked.rdtype)
        found = [text.partition(" ")[2] for text in zone.get(name, []) if text.partition(" ")[0] == kind]
        if found:
            answer.answer.append(dns.rrset.from_text_list(asked.name, 60, dns.rdataclass.IN, asked.rdtype, found))
    return answer
