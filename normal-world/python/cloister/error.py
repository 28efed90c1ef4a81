"""Statuses, origins, and the exception that carries them (abi/status.h)."""

from enum import IntEnum

from cloister.library import CResult, lib


class Status(IntEnum):
    """What an operation came to. A module's own statuses, 0x8000 and above, are plain numbers."""

    OK = 0
    BAD_ARGUMENT = 1
    BAD_FORMAT = 2
    TOO_BIG = 3
    NO_MEMORY = 4
    NOT_FOUND = 5
    DENIED = 6
    BUSY = 7
    TIMEOUT = 8
    CANCELLED = 9
    DEAD = 10
    CLOSED = 11
    UNSUPPORTED = 12
    REFUSED = 13
    STALE = 14
    LIMIT = 15
    IO = 16
    PROTOCOL = 17
    CORRUPT = 18
    BAD_STATE = 19
    INTERNAL = 20


class Origin(IntEnum):
    """Who decided."""

    NONE = 0
    CLIENT = 1
    TRANSPORT = 2
    WORLD = 3
    MODULE = 4


def known(kind: type[IntEnum], number: int) -> int:
    """The enum's member, or the number itself if it has none."""
    try:
        return kind(number)
    except ValueError:
        return number


class Error(Exception):
    """An operation failed.

    status: a Status, or the number of a module's own.
    name:   its name, such as "BAD_FORMAT".
    origin: an Origin: who decided, for calls; NONE for what is no call.
    """

    def __init__(self, what: str, status: int, origin: int = Origin.NONE) -> None:
        self.status = known(Status, status)
        self.origin = known(Origin, origin)
        self.name = lib.cloister_status_name(status).decode()
        text = lib.cloister_status_text(status).decode()
        number = f" {status}" if status not in list(Status) else ""
        by = f", says the {lib.cloister_origin_name(origin).decode()}" if origin else ""
        super().__init__(f"{what}: {text}{by} ({self.name}{number})")


def check(what: str, status: int) -> None:
    """Raises Error unless the status is OK."""
    if status != Status.OK:
        raise Error(what, status)


def check_result(what: str, result: CResult) -> None:
    """The same for a call's result."""
    if result.status != Status.OK:
        raise Error(what, result.status, result.origin)
