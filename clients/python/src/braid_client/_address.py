"""Where the coordinator is and which token it wants, found as the command line finds them."""

from __future__ import annotations

import ipaddress
import json
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union
from urllib.parse import urlsplit

from ._errors import InvalidArgument, NotFound, PermissionDenied, Unavailable

StrPath = Union[str, "os.PathLike[str]"]

# ssl.VERIFY_X509_PARTIAL_CHAIN, which Python 3.9 does not name.
_PARTIAL_CHAIN = 0x80000

_HELP = "start one with braid up, or give url= (BRAID_HTTP) and token_file= (BRAID_TOKEN_FILE)"


@dataclass(frozen=True)
class Endpoint:
    """An address of HTTP with the credentials for it."""

    scheme: str
    host: str
    port: int
    token: str
    # Where the token was read from, for messages; empty if it was given as it is, or there is none.
    token_file: str = ""
    context: Optional[ssl.SSLContext] = None
    # The name that the certificate must have; empty: the host.
    server_name: str = ""

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True)
class Source:
    """What the user said. Files are read at each call of `find`: a coordinator that was restarted
    may have another port, and a token may have been replaced."""

    url: str
    token: str
    token_file: str
    folder: str
    ca: str
    environment_ca: str
    # HOST:PORT of gRPC, as the command line takes it (BRAID_ADDR). The port and the token of an
    # address file are used only if it is that coordinator's.
    grpc: str

    def find(self) -> Endpoint:
        """Raises Unavailable if no address is known, and the errors of files that are there."""
        path = Path(self.folder) / "address.json"
        known = _read_address_file(path)
        if self.grpc and known.get("grpc") != self.grpc:
            known = {}
        url = self.url
        if not url:
            url = str(known.get("http") or "")
            if not url:
                raise Unavailable(self._nobody(path))
        elif _place(url)[1:] != _place(str(known.get("http") or ""))[1:]:
            known = {}  # the token of one coordinator is never sent to another one
        theirs = str(known.get("http_ca_file") or "")
        # The authority of the environment may be that of gRPC alone: what the address file says of
        # HTTP goes first.
        given = self.ca or ("" if known else self.environment_ca)
        scheme, host, port = _place(url)
        if "//" not in url and (theirs or (given and not known and not _is_loopback(host))):
            scheme = "https"
        if scheme == "http" and theirs:
            raise InvalidArgument(
                f"this coordinator speaks HTTPS: https://{host}:{port}, and not {url}"
            )
        if not host:
            raise InvalidArgument(f"{url} is no address: give https://HOST:PORT or HOST:PORT")
        if scheme != "https" and not _is_loopback(host):
            raise PermissionDenied(
                f"{url} is not a loopback address, and over plain HTTP the token would cross the "
                "network: give https://HOST:PORT, with the authority of its certificate (ca=, "
                "BRAID_CA), or come through an SSH tunnel (ssh -L)"
            )
        token, token_file = self._token(known, path)
        context = None
        if scheme == "https":
            named = Path(given) if given else path.parent / theirs if theirs else None
            context = _context(named)
        name = str(known.get("http_name") or "") if context else ""
        return Endpoint(scheme, host, port, token, token_file, context, name)

    def _nobody(self, path: Path) -> str:
        if self.grpc:
            return (
                f"no coordinator: {path} is not about {self.grpc} (BRAID_ADDR), and that is the "
                f"address of gRPC; {_HELP}"
            )
        return f"no coordinator: {path} is not there; {_HELP}"

    def _token(self, known: dict[str, Any], address_file: Path) -> tuple[str, str]:
        if self.token:
            return self.token, ""
        named = self.token_file or str(known.get("token_file") or "")
        if not named:
            return "", ""
        path = Path(named) if self.token_file else address_file.parent / named
        try:
            token = path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            raise NotFound(f"the token's file {path} is not there") from None
        except PermissionError:
            raise PermissionDenied(f"the token's file {path} may not be read") from None
        except (OSError, ValueError) as error:
            raise InvalidArgument(f"the token's file {path}: {error}") from None
        if len(token) < 32 or any(not " " < character < "\x7f" for character in token):
            raise InvalidArgument(
                f"{path} does not hold a token (one line of at least 32 characters)"
            )
        return token, str(path)


def source(
    *,
    url: Optional[str] = None,
    token: Optional[str] = None,
    token_file: Optional[StrPath] = None,
    dir: Optional[StrPath] = None,
    ca: Optional[StrPath] = None,
) -> Source:
    """What was given, else what the environment says (docs/python.md has the names)."""

    def text(given: Optional[StrPath], name: str, otherwise: str = "") -> str:
        return os.fspath(given) if given is not None else os.environ.get(name) or otherwise

    return Source(
        url=text(url, "BRAID_HTTP"),
        token=token or "",
        token_file=text(token_file, "BRAID_TOKEN_FILE"),
        folder=text(dir, "BRAID_DIR", ".braid"),
        ca=os.fspath(ca) if ca is not None else "",
        environment_ca=os.environ.get("BRAID_CA") or "",
        # Who names a coordinator here does not mean another one of the environment.
        grpc=os.environ.get("BRAID_ADDR", "") if url is None and dir is None else "",
    )


def _read_address_file(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError:
        raise PermissionDenied(f"{path} may not be read") from None
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"{path}: {error}") from None
    if not isinstance(content, dict) or not content.get("http"):
        raise InvalidArgument(f'{path} names no coordinator: it should be an object with "http"')
    return content


def _place(url: str) -> tuple[str, str, int]:
    """Scheme, host and port; the host is empty if it is no address."""
    parts = urlsplit(url if "//" in url else "http://" + url)
    try:
        port = parts.port
    except ValueError:
        return parts.scheme, "", 0
    if parts.scheme not in ("http", "https") or parts.path.strip("/") or parts.query:
        return parts.scheme, "", 0
    return parts.scheme, parts.hostname or "", port or (443 if parts.scheme == "https" else 80)


def _context(authority: Optional[Path]) -> ssl.SSLContext:
    """What verifies a server: it must be certified by this authority, or by one that the machine
    trusts if none is named."""
    if str(authority).startswith("sha256:"):
        raise InvalidArgument(
            f"{authority} is the digest of an authority, and HTTPS needs the authority's file: "
            "ca= (BRAID_CA) names a copy of the coordinator's ca.pem"
        )
    context = ssl.create_default_context()
    if authority is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # It is trusted by itself, also if another authority has certified it.
        context.verify_flags |= _PARTIAL_CHAIN
        try:
            context.load_verify_locations(cafile=os.fspath(authority))
        except FileNotFoundError:
            raise NotFound(f"the authority's file {authority} is not there") from None
        except PermissionError:
            raise PermissionDenied(f"the authority's file {authority} may not be read") from None
        except (OSError, ValueError):
            raise InvalidArgument(f"{authority} holds no certificate (PEM)") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
