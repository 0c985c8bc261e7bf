"""nftables through its own library, in this process: a table then lives exactly as long as we.

A table with ``flags owner`` belongs to the netlink socket that made it, and that socket to the
library's context. The nft program would take the table with it when it returns.
"""

import ctypes
from typing import Any

from ktconnect.errors import HostError

LIBRARY = "libnftables.so.1"


class Nft:
    """One context of the library. Closes: with ``close``, and so every table it owns."""

    def __init__(self, library: str = LIBRARY) -> None:
        """Raises: HostError if the library is not installed."""
        try:
            self._library = _prototypes(ctypes.CDLL(library))
        except OSError:
            raise HostError(
                "nftables is not installed", hint="install it (Debian: `apt install nftables`)"
            ) from None
        self._context: int | None = self._library.nft_ctx_new(0)
        self._library.nft_ctx_buffer_output(self._context)
        self._library.nft_ctx_buffer_error(self._context)

    def run(self, text: str) -> str:
        """Do all of ``text`` or nothing, in one transaction; return what it prints.

        Raises: HostError with the kernel's or the parser's words.
        """
        failed = self._library.nft_run_cmd_from_buffer(self._context, text.encode())
        output: bytes = self._library.nft_ctx_get_output_buffer(self._context)
        error: bytes = self._library.nft_ctx_get_error_buffer(self._context)
        if failed:
            raise HostError(
                f"the kernel refused our nftables rules: {error.decode().strip()}",
                hint="this needs root, Linux 5.12 and nftables 1.0 or later",
            )
        return output.decode()

    def close(self) -> None:
        """Give up all tables that are ours; idempotent."""
        if self._context is not None:
            self._library.nft_ctx_free(self._context)
            self._context = None


def _prototypes(library: Any) -> Any:
    """Declare the seven functions of libnftables(3) that we call."""
    context = ctypes.c_void_p
    library.nft_ctx_new.restype = context
    library.nft_ctx_new.argtypes = [ctypes.c_uint32]
    for name, result in (
        ("nft_ctx_buffer_output", ctypes.c_int),
        ("nft_ctx_buffer_error", ctypes.c_int),
        ("nft_ctx_get_output_buffer", ctypes.c_char_p),
        ("nft_ctx_get_error_buffer", ctypes.c_char_p),
        ("nft_ctx_free", None),
    ):
        getattr(library, name).restype = result
        getattr(library, name).argtypes = [context]
    library.nft_run_cmd_from_buffer.argtypes = [context, ctypes.c_char_p]
    library.nft_run_cmd_from_buffer.restype = ctypes.c_int
    return library
