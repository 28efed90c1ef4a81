"""The parameters of a call, from and to plain Python objects."""

import ctypes
from typing import Union

from cloister.facts import Method, Parameter
from cloister.library import PARAMETERS_MAX, CParameter

Buffer = Union[bytes, bytearray, memoryview]
Pair = tuple[int, int]
Input = Union[Buffer, Pair]
Output = Union[bytes, Pair]
Outputs = Union[None, Output, tuple[Output, ...]]

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


class Call:
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

    def outputs(self) -> Outputs:
        """None, the one output, or a tuple of them."""
        made: list[Output] = []
        for i, declared in enumerate(self.method.parameters):
            parameter = self.parameters[i]
            if declared.comes_out and declared.is_buffer:
                made.append(bytes(memoryview(self.memory[i])[: parameter.size]))
            elif declared.comes_out:
                made.append((parameter.a, parameter.b))
        if len(made) > 1:
            return tuple(made)
        return made[0] if made else None
