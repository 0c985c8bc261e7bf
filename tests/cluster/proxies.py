"""Run on the laptop: ways to the API server that stand between; each prints ``ready``.

proxies.py path PORT PREFIX KUBECONFIG    plain HTTP below a path, to that kubeconfig's server
proxies.py connect PORT HOST:PORT         an HTTP CONNECT proxy; whatever is asked for, it is
                                          that server that one gets
"""

import asyncio
import base64
import os
import ssl
import sys
import tempfile

import yaml


def tls_of(kubeconfig):
    """Host, port and TLS of a kubeconfig's server, with its client certificate."""
    with open(kubeconfig) as opened:
        config = yaml.safe_load(opened)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cadata=read(cluster, "certificate-authority"))
    context.check_hostname = False
    with tempfile.NamedTemporaryFile("w") as both:
        both.write(read(user, "client-certificate") + read(user, "client-key"))
        both.flush()
        context.load_cert_chain(both.name)
    host, _, port = cluster["server"].removeprefix("https://").rpartition(":")
    return host, int(port), context


def read(part, key):
    if f"{key}-data" in part:
        return base64.b64decode(part[f"{key}-data"]).decode()
    with open(part[key]) as opened:
        return opened.read()


async def pump(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        pass


async def join(left, right):
    """Until both ways have ended."""
    await asyncio.gather(pump(left[0], right[1]), pump(right[0], left[1]))
    for _, writer in (left, right):
        writer.close()


async def head_of(reader):
    return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")


def served_below(prefix, kubeconfig):
    """One request a connection: the head is rewritten, the rest passes as it is."""
    host, port, context = tls_of(kubeconfig)

    async def serve(reader, writer):
        head = await head_of(reader)
        verb, path, version = head.split("\r\n", 1)[0].split(" ")
        if not path.startswith(prefix + "/"):
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        lines = [
            line
            for line in head.split("\r\n")[1:-2]
            if not line.lower().startswith(("authorization:", "host:"))
        ]
        upgrade = any(line.lower().startswith("upgrade:") for line in lines)
        if not upgrade:
            lines = [line for line in lines if not line.lower().startswith("connection:")]
            lines.append("Connection: close")
        first = f"{verb} {path.removeprefix(prefix)} {version}"
        server = await asyncio.open_connection(host, port, ssl=context)
        server[1].write("\r\n".join([first, f"Host: {host}", *lines, "", ""]).encode("latin-1"))
        await join((reader, writer), server)

    return serve


def connecting_to(server):
    host, _, port = server.rpartition(":")

    async def serve(reader, writer):
        head = await head_of(reader)
        assert head.startswith("CONNECT api.behind.proxy:6443 "), head
        there = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await join((reader, writer), there)

    return serve


async def main(kind, port, *rest):
    serve = served_below(*rest) if kind == "path" else connecting_to(*rest)
    server = await asyncio.start_server(serve, "127.0.0.1", int(port))
    print("ready", flush=True)  # noqa: T201
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        os._exit(0)
