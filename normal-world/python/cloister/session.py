"""A session to a module: calls of its methods, waited for or many at a time."""

import contextlib
import ctypes
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import IO, Union

from cloister.error import Error, Origin, Status, check, check_result
from cloister.facts import ModuleFacts, module_facts
from cloister.library import CResult, lib
from cloister.parameters import Call, Input, Outputs


File = Union[int, IO[bytes]]


def _descriptor(file: File | None) -> int:
    if file is None:
        return -1
    return file if isinstance(file, int) else file.fileno()


class Pending:
    """A call that Session.submit began. One thread at a time asks about it; any may cancel it."""

    def __init__(self, session: "Session", what: str, call: Call, ticket: int) -> None:
        self._session = session
        self._what = what
        self._call = call
        self._ticket = ticket
        self._result: CResult | None = None

    def done(self) -> bool:
        """Is the call over? Never waits."""
        if self._result is None:
            result = CResult()
            with self._session._use() as handle:
                over = lib.cloister_poll(handle, self._ticket, ctypes.byref(result))
            if over:
                self._collected(result)
        return self._result is not None

    def wait(self) -> Outputs:
        """Waits until the call is over, at most until its deadline; then as Session.call."""
        if self._result is None:
            with self._session._use() as handle:
                result = lib.cloister_wait(handle, self._ticket)
            self._collected(result)
        check_result(self._what, self._result)
        return self._call.outputs()

    def cancel(self) -> None:
        """Asks that the call be not begun, or ended soon. What became of it, wait() says."""
        with self._session._use() as handle:
            status = lib.cloister_cancel(handle, self._ticket)
        if status != Status.NOT_FOUND:  # over already
            check(self._what, status)

    def _collected(self, result: CResult) -> None:
        self._result = result
        self._session._pending.pop(self._ticket, None)


class Session:
    """A session to a module over a channel of its own; made by World.session.

    Any number of threads may use one session at a time.
    """

    def __init__(self, world: ctypes.c_void_p, module: str, arena_size: int) -> None:
        self._changed = threading.Condition()
        self._users = 0
        self._pending: dict[int, Pending] = {}  # keeps memory that outputs will go to
        self._handle = ctypes.c_void_p()
        status = lib.cloister_session_open(
            world, module.encode(), arena_size, ctypes.byref(self._handle)
        )
        check(f"session to {module}", status)
        self._facts = module_facts(lib.cloister_session_module(self._handle).contents)
        self._methods = {method.name: method for method in self._facts.methods}
        status = lib.cloister_session_share(self._handle)
        if status != Status.OK:
            self.close()
            check(f"session to {module}", status)

    @property
    def module(self) -> ModuleFacts:
        """The module's facts as they were when the session opened."""
        return self._facts

    def call(
        self, method: str, *inputs: Input, room: int | None = None, deadline_us: int = 0
    ) -> Outputs:
        """Calls a method and waits for the reply.

        inputs: in the order of the declaration, bytes for a buffer, two integers for a pair.
        room: bytes to keep for each output buffer; as many as the method may make if left out.
        deadline_us: 0 waits as long as the module may take.

        Returns None, the one output, or a tuple of them. Raises Error with status and origin;
        TypeError and ValueError for inputs that are not what the method declares.
        """
        call = self._prepare(method, inputs, room)
        with self._use() as handle:
            result = lib.cloister_call_number(
                handle, call.method.number, call.parameters, deadline_us
            )
        check_result(self._name(method), result)
        return call.outputs()

    def submit(
        self, method: str, *inputs: Input, room: int | None = None, deadline_us: int = 0
    ) -> Pending:
        """Begins a call and does not wait; parameters as for call.

        A module that sleeps is woken by flush, or by asking for any call's result. BUSY by the
        client: 64 calls have been submitted, or the arena is full; wait for one and try again.
        """
        call = self._prepare(method, inputs, room)
        ticket = ctypes.c_uint64()
        with self._use() as handle:
            result = lib.cloister_submit_number(
                handle, call.method.number, call.parameters, deadline_us, ctypes.byref(ticket)
            )
            check_result(self._name(method), result)
            pending = Pending(self, self._name(method), call, ticket.value)
            self._pending[ticket.value] = pending
        return pending

    def stream(
        self, method: str, source: File, target: File | None = None, deadline_us: int = 0
    ) -> tuple[int, int]:
        """Moves all of a file through a method that is declared as a stream; docs/calls.md.

        source, target: files or descriptors, read and written where their descriptors stand; what
        Python has read ahead of a source is not seen. Without a target what comes out is dropped.
        deadline_us: of each piece.

        Returns the two words that the module gives with the last piece.
        """
        if target is not None and not isinstance(target, int):
            target.flush()
        name = self._prepared_name(method)
        value = (ctypes.c_uint64 * 2)()
        with self._use() as handle:
            result = lib.cloister_stream_file(
                handle, name, _descriptor(source), _descriptor(target), deadline_us, value
            )
        check_result(self._name(method), result)
        return value[0], value[1]

    def flush(self) -> None:
        """Wakes the module if it sleeps and calls have been submitted."""
        with self._use() as handle:
            lib.cloister_flush(handle)

    def wait_any(self, calls: Sequence[Pending]) -> Pending:
        """Waits until one of these calls of this session is over, and returns it."""
        for call in calls:
            if call._result is not None:
                return call
        tickets = (ctypes.c_uint64 * len(calls))(*(call._ticket for call in calls))
        index = ctypes.c_size_t(len(calls))
        with self._use() as handle:
            result = lib.cloister_wait_any(handle, tickets, len(calls), ctypes.byref(index))
        if index.value >= len(calls):
            check_result("wait_any", result)
        calls[index.value]._collected(result)
        return calls[index.value]

    def set_spin(self, spin_us: int) -> None:
        """How long a call polls for its reply before it sleeps, in microseconds."""
        with self._use() as handle:
            lib.cloister_session_set_spin(handle, spin_us)

    def close(self) -> None:
        """Closes the channel when no other thread is in a call; a second time does nothing."""
        with self._changed:
            handle, self._handle = self._handle, ctypes.c_void_p()
            self._changed.wait_for(lambda: self._users == 0)
        lib.cloister_session_close(handle)
        self._pending.clear()

    def _name(self, method: str) -> str:
        return f"{self._facts.name}.{method}"

    def _prepared_name(self, method: str) -> bytes:
        if method not in self._methods:
            raise Error(self._name(method), Status.NOT_FOUND, Origin.CLIENT)
        return method.encode()

    def _prepare(self, method: str, inputs: tuple[Input, ...], room: int | None) -> Call:
        declared = self._methods.get(method)
        if declared is None:
            raise Error(self._name(method), Status.NOT_FOUND, Origin.CLIENT)
        return Call(declared, inputs, room)

    @contextlib.contextmanager
    def _use(self) -> Iterator[ctypes.c_void_p]:
        """The handle, which stays open meanwhile."""
        with self._changed:
            if not self._handle:
                raise Error(f"session to {self._facts.name}", Status.CLOSED, Origin.CLIENT)
            handle = self._handle
            self._users += 1
        try:
            yield handle
        finally:
            with self._changed:
                self._users -= 1
                self._changed.notify_all()

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
