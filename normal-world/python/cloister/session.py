"""A session to a module: calls of its methods."""

import ctypes
import threading
from types import TracebackType
from typing import Union

from cloister.error import Error, Origin, Status, check, check_result
from cloister.facts import Method, ModuleFacts, Parameter, module_facts
from cloister.library import PARAMETERS_MAX, CParameter, lib

Buffer = Union[bytes, bytearray, memoryview]
Pair = tuple[int, int]
Input = Union[Buffer, Pair]
Output = Union[bytes, Pair]

_VALUE_MAX = (1 << 64) - 1


def _set_pair(parameter: CParameter, where: str, value: Input) -> None:
    if not (isinstance(value, tuple) and len(value) == 2):
        raise TypeError(f"{where} takes a pair of integers, not {type(value).__name__}")
    if not all(isinstance(number, int) and 0 <= number <= _VALUE_MAX for number in value):
        raise ValueError(f"{where} takes two integers from 0 to 2**64 - 1")
    parameter.a, parameter.b = value


def _set_bytes(parameter: CParameter, where: str, value: Input, memory: bytearray) -> None:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"{where} takes bytes, not {type(value).__name__}")
    memory[:] = value
    parameter.size = len(memory)


def _place(parameter: CParameter, memory: bytearray) -> ctypes.Array:
    """Makes the parameter point to the memory; valid while the result lives."""
    array = (ctypes.c_char * len(memory)).from_buffer(memory)
    parameter.input = parameter.output = ctypes.addressof(array)
    return array


class _Call:
    """The parameters of one call, and the memory they point to."""

    def __init__(self, method: Method, inputs: tuple[Input, ...], room: int | None) -> None:
        wanted = sum(p.goes_in for p in method.parameters)
        if len(inputs) != wanted:
            raise TypeError(f"method {method.name} takes {wanted} inputs, {len(inputs)} are given")
        self.method = method
        self.parameters = (CParameter * PARAMETERS_MAX)()
        self.memory = [bytearray() for _ in method.parameters]
        self.arrays = []
        rest = list(inputs)
        for i, declared in enumerate(method.parameters):
            self._fill(i, declared, rest.pop(0) if declared.goes_in else None, room)

    def _fill(self, i: int, declared: Parameter, value: Input | None, room: int | None) -> None:
        parameter = self.parameters[i]
        where = f"parameter {i + 1} of method {self.method.name}"
        parameter.kind = declared.kind
        if not declared.is_buffer:
            if declared.goes_in:
                _set_pair(parameter, where, value)
            return
        if declared.goes_in:
            _set_bytes(parameter, where, value, self.memory[i])
        if declared.comes_out:
            parameter.capacity = declared.size_max if room is None else min(room, declared.size_max)
        missing = parameter.capacity + 1 - len(self.memory[i])  # never empty: it has an address
        self.memory[i].extend(bytes(max(missing, 0)))
        self.arrays.append(_place(parameter, self.memory[i]))

    def outputs(self) -> tuple[Output, ...]:
        made: list[Output] = []
        for i, declared in enumerate(self.method.parameters):
            parameter = self.parameters[i]
            if declared.comes_out and declared.is_buffer:
                made.append(bytes(memoryview(self.memory[i])[: parameter.size]))
            elif declared.comes_out:
                made.append((parameter.a, parameter.b))
        return tuple(made)


class Session:
    """A session to a module over a channel of its own; made by World.session.

    Several threads may use one session: its calls then come one after the other.
    """

    def __init__(self, world: ctypes.c_void_p, module: str, arena_size: int) -> None:
        self._lock = threading.Lock()
        self._handle = ctypes.c_void_p()
        status = lib.cloister_session_open(
            world, module.encode(), arena_size, ctypes.byref(self._handle)
        )
        check(f"session to {module}", status)
        self._facts = module_facts(lib.cloister_session_module(self._handle).contents)
        self._methods = {method.name: method for method in self._facts.methods}

    @property
    def module(self) -> ModuleFacts:
        """The module's facts as they were when the session opened."""
        return self._facts

    def call(
        self, method: str, *inputs: Input, room: int | None = None, deadline_us: int = 0
    ) -> Output | tuple[Output, ...] | None:
        """Calls a method and waits for the reply.

        inputs: in the order of the declaration, bytes for a buffer, two integers for a pair.
        room: bytes to keep for each output buffer; as many as the method may make if left out.
        deadline_us: 0 waits as long as the module may take.

        Returns None, the one output, or a tuple of them. Raises Error with status and origin;
        TypeError and ValueError for inputs that are not what the method declares.
        """
        declared = self._methods.get(method)
        if declared is None:
            raise Error(f"{self._facts.name}.{method}", Status.NOT_FOUND, Origin.CLIENT)
        call = _Call(declared, inputs, room)
        with self._lock:
            result = lib.cloister_call_number(
                self._open_handle(), declared.number, call.parameters, deadline_us
            )
        check_result(f"{self._facts.name}.{method}", result)
        outputs = call.outputs()
        if len(outputs) > 1:
            return outputs
        return outputs[0] if outputs else None

    def set_spin(self, spin_us: int) -> None:
        """How long a call polls for its reply before it sleeps, in microseconds."""
        with self._lock:
            lib.cloister_session_set_spin(self._open_handle(), spin_us)

    def close(self) -> None:
        """Closes the channel; a second time does nothing."""
        with self._lock:
            handle, self._handle = self._handle, ctypes.c_void_p()
            lib.cloister_session_close(handle)

    def _open_handle(self) -> ctypes.c_void_p:
        if not self._handle:
            raise Error(f"session to {self._facts.name}", Status.CLOSED, Origin.CLIENT)
        return self._handle

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
