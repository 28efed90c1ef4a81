"""Facts about worlds, modules and methods, as plain objects (abi/control.h)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from cloister import library
from cloister.library import CGuestInfo, CMethod, CModuleInfo, CWorldInfo


class WorldState(IntEnum):
    STARTING = 0
    SERVING = 1
    STOPPING = 2


class ModuleState(IntEnum):
    STARTING = 0
    SERVING = 1
    DEAD = 2
    ENDED = 3


class Isolation(IntEnum):
    """How far module data is out of the world host's own reach."""

    MAPPED = 1
    GUEST_MEMFD = 2
    UNREACHABLE = 3


class Direction(IntEnum):
    """Of a parameter, seen from the caller."""

    IN = 1
    OUT = 2
    INOUT = 3


@dataclass(frozen=True)
class Parameter:
    """A declared parameter: a buffer with its fewest and most bytes, or a pair of values."""

    direction: Direction
    is_buffer: bool
    size_min: int
    size_max: int

    @property
    def goes_in(self) -> bool:
        return self.direction != Direction.OUT

    @property
    def comes_out(self) -> bool:
        return self.direction != Direction.IN

    @property
    def kind(self) -> int:
        return self.direction + (library.KIND_BUFFER_IN - library.KIND_IN) * self.is_buffer


@dataclass(frozen=True)
class Method:
    """A declared method; `number` is its place in the declaration."""

    name: str
    number: int
    parameters: tuple[Parameter, ...]

    @property
    def arena_size(self) -> int:
        """Bytes of arena that its largest call takes."""
        align = library.ARENA_ALIGN
        return sum(-(-p.size_max // align) * align for p in self.parameters if p.is_buffer)


@dataclass(frozen=True)
class ModuleFacts:
    """A module of a world. `author` is empty for an unsigned one, `end` while it lives."""

    name: str
    version: str
    index: int
    state: ModuleState
    svn: int
    threads: int
    calls: int
    generation: int
    exits: int
    channels: int
    polling: int
    measurement: bytes
    author: bytes
    end: str
    methods: tuple[Method, ...]


@dataclass(frozen=True)
class WorldFacts:
    """A running world. `pid` is its host's, `keeper` the keeper's."""

    name: str
    pid: int
    state: WorldState
    kvm: str
    isolation: Isolation
    debug: bool
    module_count: int
    keeper: int
    started_at: int
    exits: int


@dataclass(frozen=True)
class GuestFacts:
    """A guest of a world; pid, uid and gid are its VMM's.

    Digests are SHA-384, empty for what there is none of; as true as the VMM that stated them.
    """

    number: int
    pid: int
    uid: int
    gid: int
    connected_at: int
    memory: int
    channels: int
    requests: int
    measured: bool
    kernel: bytes
    initrd: bytes
    command_line: bytes


def _parameters(method: CMethod) -> tuple[Parameter, ...]:
    kinds = [method.kinds >> 4 * i & 15 for i in range(library.PARAMETERS_MAX)]
    return tuple(
        Parameter(
            Direction(kind & 3),
            kind >= library.KIND_BUFFER_IN,
            method.size_min[i],
            method.size_max[i],
        )
        for i, kind in enumerate(kinds)
        if kind != library.KIND_NONE
    )


def module_facts(info: CModuleInfo) -> ModuleFacts:
    author = bytes(info.author)
    return ModuleFacts(
        name=info.name.decode(),
        version=info.version.decode(),
        index=info.index,
        state=ModuleState(info.state),
        svn=info.svn,
        threads=info.threads,
        calls=info.calls,
        generation=info.generation,
        exits=info.exits,
        channels=info.channels,
        polling=info.polling,
        measurement=bytes(info.measurement),
        author=author if any(author) else b"",
        end=info.end.decode(),
        methods=tuple(
            Method(info.method[i].name.decode(), i, _parameters(info.method[i]))
            for i in range(info.method_count)
        ),
    )


def world_facts(info: CWorldInfo) -> WorldFacts:
    return WorldFacts(
        name=info.name.decode(),
        pid=info.pid,
        state=WorldState(info.state),
        kvm=info.kvm.decode(),
        isolation=Isolation(info.isolation),
        debug=bool(info.debug),
        module_count=info.module_count,
        keeper=info.keeper,
        started_at=info.started_at,
        exits=info.exits,
    )


def _digest(field: Iterable[int]) -> bytes:
    digest = bytes(field)
    return digest if any(digest) else b""


def guest_facts(info: CGuestInfo) -> GuestFacts:
    return GuestFacts(
        number=info.caller.id,
        pid=info.caller.pid,
        uid=info.caller.uid,
        gid=info.caller.gid,
        connected_at=info.connected_at,
        memory=info.memory,
        channels=info.channels,
        requests=info.requests,
        measured=bool(info.measured),
        kernel=_digest(info.kernel),
        initrd=_digest(info.initrd),
        command_line=_digest(info.command_line),
    )
