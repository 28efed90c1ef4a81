#!/usr/bin/env python3
"""Measures a module, written from docs/measurement.md alone: a second implementation that the tests
compare with the first. It measures what is well formed and does not judge.

    tests/measure.py X.mod
"""
import hashlib
import struct
import sys

PAGE = 4096
PT_LOAD, PT_NOTE, PT_TLS, PT_GNU_RELRO = 1, 4, 7, 0x6474E552
OWNER = b"Cloister\0"
MANIFEST_SIZE = 3184
SEGMENTS_MAX = 12


def round_up(value, unit):
    return (value + unit - 1) // unit * unit


def program_headers(data):
    offset, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    names = ("type", "flags", "offset", "vaddr", "paddr", "filesz", "memsz", "align")
    return offset, [dict(zip(names, struct.unpack_from("<IIQQQQQQ", data, offset + i * size)))
                    for i in range(count)]


def notes(data, header):
    align = 8 if header["align"] == 8 else 4
    at, end = header["offset"], header["offset"] + header["filesz"]
    while at < end:
        owner_size, size, kind = struct.unpack_from("<III", data, at)
        start = at + round_up(12 + owner_size, align)
        yield data[at + 12:at + 12 + owner_size], kind, data[start:start + size]
        at = start + round_up(size, align)


def manifest(data, headers):
    found = [body for header in headers if header["type"] == PT_NOTE
             for owner, kind, body in notes(data, header) if owner == OWNER and kind == 1]
    assert len(found) == 1 and len(found[0]) == MANIFEST_SIZE
    return found[0]


def rights(flags):
    read, write, execute = flags & 4, flags & 2, flags & 1
    return (1 if read else 0) | (2 if write else 0) | (4 if execute else 0)


def pages(data, segment):
    """The segment's pages: (address, bytes)."""
    start, size = segment["vaddr"], segment["filesz"]
    if size == 0:
        return
    body = data[segment["offset"]:segment["offset"] + size]
    first = start // PAGE * PAGE
    image = bytes(start - first) + body
    image += bytes(round_up(len(image), PAGE) - len(image))
    for at in range(0, len(image), PAGE):
        yield first + at, image[at:at + PAGE]


def record(data):
    table, headers = program_headers(data)
    segments = [h for h in headers if h["type"] == PT_LOAD]
    span = round_up(segments[-1]["vaddr"] + segments[-1]["memsz"], PAGE)
    tls = next((h for h in headers if h["type"] == PT_TLS), None)
    relro = next((h for h in headers if h["type"] == PT_GNU_RELRO), None)
    entry, = struct.unpack_from("<Q", data, 24)
    table_size = len(headers) * 56
    address = 0
    for s in segments:
        if s["offset"] <= table and table + table_size <= s["offset"] + s["filesz"]:
            address = s["vaddr"] + table - s["offset"]
    out = manifest(data, headers)
    out += struct.pack("<QQ", entry, span)
    out += struct.pack("<QQ", relro["vaddr"], relro["memsz"]) if relro else bytes(16)
    out += (struct.pack("<QQQQ", tls["vaddr"], tls["filesz"], tls["memsz"], tls["align"])
            if tls else bytes(32))
    out += struct.pack("<QII", address, len(headers) if address else 0, len(segments))
    for s in segments:
        out += struct.pack("<QQQII", s["vaddr"], s["memsz"], s["filesz"], rights(s["flags"]),
                           len(list(pages(data, s))))
    return out + bytes((SEGMENTS_MAX - len(segments)) * 32), segments


def measure(data):
    data = bytearray(data)
    body, segments = record(bytes(data))
    # What strip and signing change in the ELF header: e_shoff; e_shentsize, e_shnum, e_shstrndx.
    data[40:48] = bytes(8)
    data[58:64] = bytes(6)
    digest = hashlib.sha384(b"cloister module 1" + body)
    for segment in segments:
        for address, page in pages(bytes(data), segment):
            digest.update(struct.pack("<QII", address, rights(segment["flags"]), 0) + page)
    return digest.hexdigest()


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as module:
        print(measure(module.read()))
