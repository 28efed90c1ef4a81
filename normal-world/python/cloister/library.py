"""libcloister.so: finding it, and its functions and structures as ctypes sees them.

Follows include/cloister/client.h, abi/control.h and abi/manifest.h field by field.
"""

import ctypes
import os
from ctypes import POINTER, c_bool, c_char, c_char_p, c_int, c_size_t, c_ubyte, c_uint, c_uint16
from ctypes import c_uint32, c_uint64, c_void_p
from pathlib import Path

PARAMETERS_MAX = 4
METHODS_MAX = 32
GUESTS_MAX = 64
ARENA_MAX = 16 << 20
ARENA_ALIGN = 64

KIND_NONE = 0
KIND_IN = 1
KIND_OUT = 2
KIND_INOUT = 3
KIND_BUFFER_IN = 5
KIND_BUFFER_OUT = 6
KIND_BUFFER_INOUT = 7


class CMethod(ctypes.Structure):
    _fields_ = [
        ("name", c_char * 32),
        ("kinds", c_uint16),
        ("flags", c_uint16),
        ("reserved", c_uint32),
        ("size_max", c_uint32 * PARAMETERS_MAX),
        ("size_min", c_uint32 * PARAMETERS_MAX),
    ]


class CModuleInfo(ctypes.Structure):
    _fields_ = [
        ("name", c_char * 32),
        ("version", c_char * 16),
        ("index", c_uint32),
        ("state", c_uint32),
        ("svn", c_uint32),
        ("threads", c_uint32),
        ("calls", c_uint64),
        ("generation", c_uint64),
        ("exits", c_uint64),
        ("channels", c_uint32),
        ("polling", c_uint32),
        ("measurement", c_ubyte * 48),
        ("author", c_ubyte * 49),
        ("reserved", c_ubyte * 7),
        ("end", c_char * 256),
        ("method_count", c_uint32),
        ("abi_minor", c_uint32),
        ("method", CMethod * METHODS_MAX),
    ]


class CWorldInfo(ctypes.Structure):
    _fields_ = [
        ("name", c_char * 32),
        ("pid", c_uint32),
        ("state", c_uint32),
        ("kvm", c_char * 16),
        ("isolation", c_uint32),
        ("debug", c_uint32),
        ("module_count", c_uint32),
        ("keeper", c_uint32),
        ("started_at", c_uint64),
        ("exits", c_uint64),
    ]


class CCaller(ctypes.Structure):
    _fields_ = [
        ("kind", c_uint32),
        ("uid", c_uint32),
        ("gid", c_uint32),
        ("pid", c_uint32),
        ("start_time", c_uint64),
        ("id", c_uint64),
    ]


class CGuestInfo(ctypes.Structure):
    _fields_ = [
        ("caller", CCaller),
        ("connected_at", c_uint64),
        ("requests", c_uint64),
        ("memory", c_uint32),
        ("channels", c_uint32),
        ("measured", c_uint32),
        ("reserved", c_uint32),
        ("kernel", c_ubyte * 48),
        ("initrd", c_ubyte * 48),
        ("command_line", c_ubyte * 48),
    ]


class CGuestsInfo(ctypes.Structure):
    _fields_ = [
        ("socket", c_char * 256),
        ("count", c_uint32),
        ("reserved", c_uint32),
        ("guest", CGuestInfo * GUESTS_MAX),
    ]


class CParameter(ctypes.Structure):
    _fields_ = [
        ("kind", c_uint),
        ("a", c_uint64),
        ("b", c_uint64),
        ("input", c_void_p),
        ("output", c_void_p),
        ("size", c_size_t),
        ("capacity", c_size_t),
    ]


class CResult(ctypes.Structure):
    _fields_ = [("status", c_int), ("origin", c_int)]


# Name → result, arguments.
_FUNCTIONS = {
    "cloister_status_name": (c_char_p, [c_int]),
    "cloister_status_text": (c_char_p, [c_int]),
    "cloister_origin_name": (c_char_p, [c_int]),
    "cloister_world_open_why": (c_int, [c_char_p, POINTER(c_void_p), c_char_p, c_size_t]),
    "cloister_world_close": (None, [c_void_p]),
    "cloister_world_info": (c_int, [c_void_p, POINTER(CWorldInfo)]),
    "cloister_world_module": (c_int, [c_void_p, c_uint32, POINTER(CModuleInfo)]),
    "cloister_world_report": (
        c_int,
        [c_void_p, c_char_p, c_char_p, c_size_t, POINTER(POINTER(c_char)), POINTER(c_size_t)],
    ),
    "cloister_world_guests": (c_int, [c_void_p, POINTER(CGuestsInfo)]),
    "cloister_world_set_timeout": (c_int, [c_void_p, c_uint32]),
    "cloister_world_stop": (c_int, [c_void_p]),
    "cloister_session_open": (c_int, [c_void_p, c_char_p, c_size_t, POINTER(c_void_p)]),
    "cloister_session_close": (None, [c_void_p]),
    "cloister_session_module": (POINTER(CModuleInfo), [c_void_p]),
    "cloister_session_set_spin": (None, [c_void_p, c_uint32]),
    "cloister_session_share": (c_int, [c_void_p]),
    "cloister_submit_number": (
        CResult,
        [c_void_p, c_uint, POINTER(CParameter), c_uint64, POINTER(c_uint64)],
    ),
    "cloister_flush": (None, [c_void_p]),
    "cloister_poll": (c_bool, [c_void_p, c_uint64, POINTER(CResult)]),
    "cloister_wait": (CResult, [c_void_p, c_uint64]),
    "cloister_wait_any": (CResult, [c_void_p, POINTER(c_uint64), c_size_t, POINTER(c_size_t)]),
    "cloister_cancel": (c_int, [c_void_p, c_uint64]),
    "cloister_stream_file": (
        CResult,
        [c_void_p, c_char_p, c_int, c_int, c_uint64, POINTER(c_uint64)],
    ),
    "cloister_call_number": (CResult, [c_void_p, c_uint, POINTER(CParameter), c_uint64]),
}


def _candidates():
    named = os.environ.get("CLOISTER_LIBRARY")
    if named:
        yield named
        return
    beside = Path(__file__).resolve().parents[3] / "build" / "libcloister.so"
    if beside.exists():
        yield str(beside)
    yield "libcloister.so.1"


def _load() -> ctypes.CDLL:
    tried = []
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
        except OSError as error:
            tried.append(str(error))
            continue
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype = result
            function.argtypes = arguments
        return library
    raise ImportError(
        "libcloister.so cannot be loaded (" + "; ".join(tried) + "); CLOISTER_LIBRARY names it"
    )


lib = _load()
libc = ctypes.CDLL(None)
libc.free.argtypes = [c_void_p]
libc.free.restype = None
