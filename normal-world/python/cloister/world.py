"""A running world: facts, reports, sessions, stopping it."""

import ctypes
import os
import threading
from types import TracebackType

from cloister.error import Error, Origin, Status, check
from cloister.facts import GuestFacts, ModuleFacts, WorldFacts
from cloister.facts import guest_facts, module_facts, world_facts
from cloister.library import ARENA_MAX, CGuestsInfo, CModuleInfo, CWorldInfo, lib, libc
from cloister.session import Session

_ARENA_LEAST = 64 << 10
_TIMEOUT_MOST_MS = 3_600_000


def _path_safe(what: str, text: str) -> bytes:
    encoded = os.fsencode(text)
    if b"\0" in encoded:
        raise ValueError(f"{what} has a NUL character")
    return encoded


class World:
    """A running world, by its name, or by the path of its socket if that contains '/'.

    In a guest: "guest:", or "guest:" and the PCI address of one of several mailbox devices.
    Several threads may use one object. Sessions stay usable after the world is closed.
    """

    def __init__(self, name: str) -> None:
        self._lock = threading.Lock()
        self._name = name
        self._handle = ctypes.c_void_p()
        why = ctypes.create_string_buffer(320)
        status = lib.cloister_world_open_why(
            _path_safe("name", name), ctypes.byref(self._handle), why, len(why)
        )
        check(f"world {name} ({why.value.decode(errors='replace')})", status)

    def info(self) -> WorldFacts:
        """Facts about the world, as they are now."""
        info = CWorldInfo()
        with self._lock:
            status = lib.cloister_world_info(self._open_handle(), ctypes.byref(info))
        check(f"world {self._name}", status)
        return world_facts(info)

    def modules(self) -> tuple[ModuleFacts, ...]:
        """Facts about each of its modules, as they are now."""
        return tuple(self._module(index) for index in range(self.info().module_count))

    def module(self, name: str) -> ModuleFacts:
        """Facts about one module. NOT_FOUND if there is none of that name."""
        for facts in self.modules():
            if facts.name == name:
                return facts
        raise Error(f"module {name}", Status.NOT_FOUND, Origin.CLIENT)

    def report(self, module: str, nonce: bytes) -> bytes:
        """A signed report about a module over a fresh nonce of 16 to 64 bytes; docs/report.md."""
        nonce = bytes(nonce)
        report = ctypes.POINTER(ctypes.c_char)()
        size = ctypes.c_size_t()
        with self._lock:
            status = lib.cloister_world_report(
                self._open_handle(),
                _path_safe("module", module),
                nonce,
                len(nonce),
                ctypes.byref(report),
                ctypes.byref(size),
            )
        check(f"report about {module}", status)
        try:
            return ctypes.string_at(report, size.value)
        finally:
            libc.free(report)

    def session(self, module: str, arena_size: int | None = None) -> Session:
        """Opens a session to a module.

        arena_size: bytes for the buffers of one call that do not fit inline, all together; enough
        for the module's largest method if left out.
        """
        if arena_size is None:
            needed = max((m.arena_size for m in self.module(module).methods), default=0)
            arena_size = min(max(needed, _ARENA_LEAST), ARENA_MAX)
        name = _path_safe("module", module).decode()
        with self._lock:
            return Session(self._open_handle(), name, arena_size)

    def guests(self) -> tuple[GuestFacts, ...]:
        """The guests that the world serves. Only its own user and root are told: DENIED."""
        guests = CGuestsInfo()
        with self._lock:
            status = lib.cloister_world_guests(self._open_handle(), ctypes.byref(guests))
        check(f"guests of world {self._name}", status)
        return tuple(guest_facts(guests.guest[i]) for i in range(guests.count))

    def set_timeout(self, timeout_ms: int) -> None:
        """How long a question to the world may take, 1 to 3600000 ms; 10000 if never set.

        Close the world after a TIMEOUT: its answer may still come.
        """
        if not 1 <= timeout_ms <= _TIMEOUT_MOST_MS:
            raise ValueError(f"timeout_ms is {timeout_ms}; it must be 1 to {_TIMEOUT_MOST_MS}")
        with self._lock:
            status = lib.cloister_world_set_timeout(self._open_handle(), timeout_ms)
        check(f"world {self._name}", status)

    def stop(self) -> None:
        """Asks the world to stop. Only its own user and root may."""
        with self._lock:
            check(f"stop world {self._name}", lib.cloister_world_stop(self._open_handle()))

    def close(self) -> None:
        """Closes the connection; a second time does nothing."""
        with self._lock:
            handle, self._handle = self._handle, ctypes.c_void_p()
            lib.cloister_world_close(handle)

    def _module(self, index: int) -> ModuleFacts:
        info = CModuleInfo()
        with self._lock:
            status = lib.cloister_world_module(self._open_handle(), index, ctypes.byref(info))
        check(f"module {index}", status)
        return module_facts(info)

    def _open_handle(self) -> ctypes.c_void_p:
        if not self._handle:
            raise Error(f"world {self._name}", Status.CLOSED, Origin.CLIENT)
        return self._handle

    def __enter__(self) -> "World":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
