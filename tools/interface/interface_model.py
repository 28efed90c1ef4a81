"""What an interface file declares, checked: every rule of docs/interfaces.md is here.

Reads protoc's description of the file and nanopb's reading of it (names in C, bounds, sizes).
Prints nothing, writes nothing; what breaks a rule raises Refused with one line for a person.
"""

import re
from dataclasses import dataclass

SIZE_MAX = 65535  # nanopb's sizes are 16 bits wide

# Names that a field may not have: the structures are for C and for C++.
KEYWORDS = frozenset(
    """alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t
    char32_t class compl concept const consteval constexpr constinit const_cast continue co_await
    co_return co_yield decltype default delete do double dynamic_cast else enum explicit export
    extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq
    nullptr operator or or_eq private protected public register reinterpret_cast requires restrict
    return short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename union unsigned using virtual void volatile
    wchar_t while xor xor_eq""".split()
)


class Refused(Exception):
    """The interface breaks a rule; the text says which, where, and what would be right."""


@dataclass(frozen=True)
class Limits:
    """What a manifest can hold (abi/manifest.h, abi/layout.h)."""

    methods: int
    name_length: int


@dataclass(frozen=True)
class Message:
    """One side of a method. An empty message takes no parameter: `type` is None then."""

    type: str | None
    size: int


@dataclass(frozen=True)
class Method:
    name: str  # in the manifest
    request: Message
    reply: Message


@dataclass(frozen=True)
class Interface:
    name: str
    source: str
    methods: tuple[Method, ...]


def method_name(rpc):
    """AddNote, addNote, add_note: add_note."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", rpc)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", words).lower()


def interface_name(source, limits):
    name = source.removesuffix(".proto")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or len(name) > limits.name_length:
        raise Refused(
            f"'{source}' gives no module name; it must be 1 to {limits.name_length} lower-case "
            "letters, digits and '_', starting with a letter, and end in .proto"
        )
    if name in KEYWORDS:
        raise Refused(f"'{name}' is a word of C or C++; the file needs another name")
    return name


def check_file(description, name):
    if description.syntax != "proto3":
        raise Refused('it must say syntax = "proto3"')
    if description.package != name:
        raise Refused(f"package is '{description.package}'; it must be '{name}', as the file is named")
    for imported in description.dependency:
        if imported not in ("nanopb.proto", "google/protobuf/descriptor.proto"):
            raise Refused(f"imports {imported}; an interface is one file, only nanopb.proto may be imported")
    if len(description.service) != 1:
        raise Refused(f"has {len(description.service)} services; a module has exactly 1")


def plain_fields(message):
    """The message's fields, members of unions included."""
    for field in message.fields:
        yield from field.fields if field.pbtype == "oneof" else (field,)


def bound_of(field):
    """The option that would give the field a bound, as a person writes it."""
    if field.rules == "REPEATED" and field.max_count is None:
        return "max_count"
    return "max_length" if field.pbtype == "STRING" else "max_size"


def check_field(message, field):
    where = f"field {message.name}.{field.name}"
    if field.name in KEYWORDS:
        raise Refused(f"{where}: '{field.name}' is a word of C or C++; the field needs another name")
    if field.allocation == "POINTER" or field.pbtype == "MSG_W_CB":
        raise Refused(f"{where} is a pointer or callback; only fixed sizes are allowed")
    if field.allocation != "STATIC":
        raise Refused(
            f"{where} has no maximum; give it one with [(nanopb).{bound_of(field)} = N] or in the "
            ".options file"
        )
    if field.pbtype == "STRING" and field.max_size < 2 or field.max_count == 0:
        raise Refused(f"{where}: a maximum must be at least 1")


def check_not_recursive(message, messages, above=()):
    if message.name in above:
        raise Refused(f"message {message.name} contains itself; that has no maximum size")
    for field in plain_fields(message):
        if field.pbtype == "MESSAGE":
            check_not_recursive(messages[str(field.submsgname)], messages, (*above, message.name))


def check_messages(nanopb):
    for message in nanopb.messages:
        for field in message.fields:
            if field.pbtype == "oneof" and field.name in KEYWORDS:
                raise Refused(f"union {message.name}.{field.name}: a word of C or C++")
        for field in plain_fields(message):
            check_field(message, field)
    for message in nanopb.messages:
        check_not_recursive(message, nanopb.dependencies)
    for message in nanopb.messages:
        size = max(size_of(message, nanopb), message.data_size(nanopb.dependencies))
        if size > SIZE_MAX:
            raise Refused(
                f"message {message.name} takes up to {size} bytes; at most {SIZE_MAX} are allowed, "
                "larger things go through a buffer parameter or in pieces"
            )


def size_of(message, nanopb):
    size = message.encoded_size(nanopb.dependencies)
    if size is None or size.symbols:
        raise Refused(f"message {message.name} has no maximum size that is known here")
    return size.value


def message_of(type_name, nanopb):
    message = nanopb.dependencies.get(type_name.lstrip(".").replace(".", "_"))
    if message is None:
        raise Refused(f"message {type_name.lstrip('.')} is left out by an option; a method needs it")
    size = size_of(message, nanopb)
    return Message(str(message.name) if message.fields else None, size)


def read_method(rpc, nanopb, limits):
    name = method_name(rpc.name)
    if rpc.client_streaming or rpc.server_streaming:
        raise Refused(f"method {rpc.name} streams; a call has one request and one reply")
    if len(name) > limits.name_length:
        raise Refused(
            f"method name '{name}' has {len(name)} characters; at most {limits.name_length} are allowed"
        )
    return Method(name, message_of(rpc.input_type, nanopb), message_of(rpc.output_type, nanopb))


def read_methods(service, nanopb, limits):
    if not 1 <= len(service.method) <= limits.methods:
        raise Refused(
            f"service {service.name} has {len(service.method)} methods; 1 to {limits.methods} are allowed"
        )
    methods = tuple(read_method(rpc, nanopb, limits) for rpc in service.method)
    names = [method.name for method in methods]
    for name in names:
        if names.count(name) > 1:
            raise Refused(f"two methods are named '{name}' in a manifest")
    return methods


def read_interface(description, nanopb, limits):
    """The interface of a FileDescriptorProto and of nanopb's ProtoFile of the same file."""
    check_messages(nanopb)
    name = interface_name(description.name, limits)
    methods = read_methods(description.service[0], nanopb, limits)
    taken = {str(message.name) for message in nanopb.messages} | {str(e.names) for e in nanopb.enums}
    for method in methods:
        if f"{name}_{method.name}" in taken:
            raise Refused(f"'{name}_{method.name}' is both a method and a type in C; rename one")
    return Interface(name, description.name, methods)
