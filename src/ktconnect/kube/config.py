"""Which cluster, as whom, in which namespace: a kubeconfig made into one frozen value."""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ktconnect.errors import UsageError

from . import kubefile, proxies
from .kubefile import Merged, Named

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
INTERACTIVE_MODES = ("Never", "IfAvailable", "Always")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A program that hands out credentials (``client.authentication.k8s.io``)."""

    command: str
    args: tuple[str, ...] = field(default=(), repr=False)
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    api_version: str = EXEC_VERSIONS[0]
    install_hint: str = ""
    interactive: str = "IfAvailable"
    provide_cluster_info: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """How the user proves who they are; never printed."""

    token: str = field(default="", repr=False)
    token_file: Path | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    certificate_files: tuple[Path, Path] | None = None  # that certificate and key are from
    plugin: Plugin | None = None
    impersonate: str = ""
    impersonate_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KubeConfig:
    """One context of a kubeconfig: the server, its trust, the way to it, the user, the namespace.

    ``server`` has no trailing slash and may have a path. ``authority`` is PEM text, "" means the
    system's own trust.
    """

    server: str
    context: str = ""
    namespace: str = "default"
    user: str = ""
    source: str = ""
    authority: str = field(default="", repr=False)
    insecure: bool = False
    tls_server_name: str = ""
    proxy_url: str = field(default="", repr=False)
    login: Login = Login()


def load(
    kubeconfig: str | None = None,
    context: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    home: Path | None = None,
) -> KubeConfig:
    """What kubectl would use here: ``--kubeconfig``, else KUBECONFIG, else ``~/.kube/config``,
    else the Pod's own ServiceAccount.

    ``home`` is the home of the user whose cluster it is (under sudo not root's).

    Raises: UsageError that names the file, and the contexts that exist.
    """
    environ = os.environ if environ is None else environ
    paths = kubefile.files_to_read(kubeconfig, environ, home or Path.home())
    if not paths and environ.get("KUBERNETES_SERVICE_HOST") and not context:
        return in_cluster(environ)
    if not paths:
        raise kubefile.nothing_to_read(environ)
    merged = kubefile.read(paths)
    return _config_of(merged, context or merged.current, environ)


def in_cluster(environ: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> KubeConfig:
    """The configuration of a Pod, from its ServiceAccount.

    Raises: UsageError when no ServiceAccount is mounted.
    """
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
    try:
        return KubeConfig(
            server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
            context="in-cluster",
            namespace=(folder / "namespace").read_text().strip() or "default",
            source=str(folder),
            authority=(folder / "ca.crt").read_text(),
            login=Login(token_file=folder / "token"),
        )
    except OSError as error:
        raise UsageError(
            f"no kubeconfig, and no ServiceAccount in {folder}: {error.strerror}",
            hint="pass --kubeconfig, or mount the Pod's ServiceAccount token",
        ) from None


def _config_of(merged: Merged, name: str, environ: Mapping[str, str]) -> KubeConfig:
    context = _context(merged, name)
    cluster = _part(merged.clusters, context, "cluster", merged)
    user = _part(merged.users, context, "user", merged) if context.get("user") else None
    server = _server(cluster, name)
    proxy = cluster.fields.get("proxy-url")
    return KubeConfig(
        server=server,
        context=name,
        namespace=str(context.get("namespace") or "default"),
        user=str(context.get("user") or ""),
        source=merged.source,
        authority=_material(cluster, "certificate-authority"),
        insecure=cluster.fields.get("insecure-skip-tls-verify") is True,
        tls_server_name=str(cluster.fields.get("tls-server-name") or ""),
        proxy_url=(
            proxies.checked_proxy(proxy)
            if proxy
            else proxies.proxy_from_environment(server, environ)
        ),
        login=_login_of(user, str(context["user"])) if user else Login(),
    )


def _context(merged: Merged, name: str) -> Mapping[str, Any]:
    if name in merged.contexts:
        return merged.contexts[name].fields
    if not merged.contexts:
        what = f"{merged.source} has no context"
        raise UsageError(f"no cluster is configured: {what}", hint=kubefile.HINT)
    known = ", ".join(sorted(merged.contexts))
    what = f"there is no context {name!r}" if name else "no current context is set"
    raise UsageError(f"{what} in {merged.source}", hint=f"pass --context with one of: {known}")


def _part(
    entries: Mapping[str, Named], context: Mapping[str, Any], what: str, merged: Merged
) -> Named:
    name = str(context.get(what) or "")
    if name not in entries:
        raise UsageError(
            f"the context names {what} {name!r}, which {merged.source} does not have",
            hint="`kubectl config view` shows what is configured",
        )
    return entries[name]


def _server(cluster: Named, context: str) -> str:
    server = str(cluster.fields.get("server") or "")
    if server and "://" not in server:
        server = f"http://{server}"
    parts = proxies.parsed(server)
    if parts is None or parts.scheme not in ("http", "https"):
        raise UsageError(
            f"the cluster of context {context!r} has no usable server URL: {server!r}",
            hint="set clusters[].cluster.server to https://host:port",
        )
    return server.rstrip("/")


def _login_of(user: Named, name: str) -> Login:
    try:
        return _login(user)
    except (AttributeError, KeyError, TypeError):
        raise UsageError(
            f"user {name!r} of the kubeconfig is malformed", hint="see `kubectl config view`"
        ) from None


def _login(user: Named) -> Login:
    fields = user.fields
    if "auth-provider" in fields:
        provider = dict(fields["auth-provider"] or {}).get("name", "")
        raise UsageError(
            f"auth-provider {provider!r} is gone from Kubernetes since 1.26",
            hint="configure an exec plugin instead, for example gke-gcloud-auth-plugin, kubelogin",
        )
    token_file = fields.get("tokenFile")
    certificate, key = (user.file(f"client-{what}") for what in ("certificate", "key"))
    return Login(
        token=str(fields.get("token") or ""),
        token_file=user.folder / token_file if token_file else None,
        username=str(fields.get("username") or ""),
        password=str(fields.get("password") or ""),
        certificate=_material(user, "client-certificate"),
        key=_material(user, "client-key"),
        certificate_files=(certificate, key) if certificate and key else None,
        plugin=_plugin(user) if fields.get("exec") else None,
        impersonate=str(fields.get("as") or ""),
        impersonate_groups=tuple(map(str, fields.get("as-groups") or ())),
    )


def _plugin(user: Named) -> Plugin:
    fields = user.fields["exec"]
    plugin = Plugin(
        command=_command(user.folder, str(fields.get("command") or "")),
        args=tuple(map(str, fields.get("args") or ())),
        env=tuple((str(var["name"]), str(var["value"])) for var in fields.get("env") or ()),
        api_version=str(fields.get("apiVersion") or ""),
        install_hint=str(fields.get("installHint") or "").strip(),
        interactive=str(fields.get("interactiveMode") or "IfAvailable"),
        provide_cluster_info=fields.get("provideClusterInfo") is True,
    )
    if plugin.api_version not in EXEC_VERSIONS or plugin.interactive not in INTERACTIVE_MODES:
        raise UsageError(
            f"exec plugin {plugin.command!r}: apiVersion {plugin.api_version!r} with "
            f"interactiveMode {plugin.interactive!r} is not supported",
            hint=f"use {' or '.join(EXEC_VERSIONS)}; update the plugin's kubeconfig entry",
        )
    return plugin


def _command(folder: Path, command: str) -> str:
    """A command with a slash belongs to the file's folder, a bare one to PATH."""
    return str(folder / command) if os.sep in command else command


def _material(named: Named, key: str) -> str:
    """PEM text from ``key-data`` or from the file that ``key`` names.

    Raises: UsageError naming key and file, never its content.
    """
    data, path = named.fields.get(f"{key}-data"), named.file(key)
    try:
        if data:
            return base64.b64decode(data, validate=True).decode()
        return path.read_text() if path else ""
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise UsageError(f"{key}-data of the kubeconfig is not valid base64 of PEM") from None
    except OSError as error:
        raise UsageError(
            f"{key} {path} of the kubeconfig can't be read: {error.strerror}",
            hint="relative paths start at the folder of the kubeconfig that has them",
        ) from None
