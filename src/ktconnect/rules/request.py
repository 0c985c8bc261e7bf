"""One request as rules see it: what is to be explained."""

from dataclasses import dataclass
from typing import Final

GRPC: Final = "application/grpc"


@dataclass(frozen=True, slots=True)
class Request:
    """A request before any rule has touched it.

    Names of ``headers`` are lower-case; one that is sent twice stands there twice. ``query`` is as
    it is sent, nothing decoded. ``host``: what the caller says in ``Host`` or, where ``tls`` hides
    all else, by SNI.
    """

    method: str = "GET"
    path: str = "/"
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    host: str = ""
    tls: bool = False

    def header(self, name: str) -> str | None:
        """Its value; those of one that is sent twice joined by commas (RFC 9110 §5.3)."""
        found = [value for each, value in self.headers if each == name]
        return ",".join(found) if found else None

    def cookie(self, name: str) -> str | None:
        """The first cookie of that name (RFC 6265 §5.4)."""
        for each in "; ".join(value for key, value in self.headers if key == "cookie").split(";"):
            key, equals, value = each.strip().partition("=")
            if equals and key == name:
                return value
        return None

    def parameter(self, name: str) -> str | None:
        """The query's first parameter of that name."""
        return next((value for each, value in self.query if each == name), None)

    @property
    def grpc(self) -> str:
        """``package.Service/Method`` of a gRPC call; "" for what is none."""
        is_grpc = (self.header("content-type") or "").startswith(GRPC)
        return self.path.removeprefix("/") if is_grpc else ""

    @property
    def target(self) -> str:
        """Path and query, as on the first line of a request (RFC 9112 §3.2.1)."""
        query = "&".join(f"{name}={value}" if value else name for name, value in self.query)
        return f"{self.path}?{query}" if query else self.path

    def __str__(self) -> str:
        if self.tls:
            return f"TLS to {self.host or 'a server without name'}"
        told = [f"{name}: {value}" for name, value in self.headers]
        return " ".join((f"{self.method} {self.target}", *(f"[{each}]" for each in told)))
