"""What it means that no usable answer came: trouble that passes, or something that somebody has to change.

The messages of ssl and httpx2 name neither the variable nor the remedy, so both are said here. What will not pass by
waiting is `final` (docs/contract.md, Waiting 5).
"""

import re
import ssl
from collections.abc import Mapping

import httpx2

from hf_action.rules.addresses import read_address
from hf_action.rules.outcomes import Unreachable

# What OpenSSL says where the other side does not speak TLS, or not a version of it that is spoken here.
NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "RECORD_LAYER_FAILURE"})
OLD_TLS = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "SSLV3_ALERT_HANDSHAKE_FAILURE"})
OWN_CERTIFICATE = frozenset({"TLSV13_ALERT_CERTIFICATE_REQUIRED"})
# Codes of X509_V_ERR (OpenSSL, x509_vfy.h): not valid yet, expired; the name or the address does not match.
OUT_OF_DATE = frozenset({9, 10})
OTHER_NAME = frozenset({62, 64})

CHECK_WAY = "Check the endpoint, its name and the way of this machine to it, by way of HTTPS_PROXY if that is set."
CHECK_PROXY = "Check HTTPS_PROXY, or name the host in NO_PROXY."


def failure_of(error: Exception) -> Unreachable:
    """Say what became of a request without a usable answer, and whether it may have arrived."""
    reason = str(error) or type(error).__name__
    request = getattr(error, "_request", None)
    url = request.url if isinstance(request, httpx2.Request) else httpx2.URL("")
    cause = _ssl_error(error)
    if cause and (final := _refused_tls(cause, url.host)):
        return final
    if isinstance(error, httpx2.ProxyError):
        return _refused_proxy(reason, url.host)
    if url.scheme == "http" and "illegal request line" in reason:  # so h11 calls the bytes of a TLS alert
        return Unreachable(
            f"{url.host} does not answer in plain HTTP at port {url.port or 80}",
            remedy="Write https:// in endpoint (HF_ENDPOINT), if the port is one of TLS.",
            final=True,
        )
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return Unreachable(f"no connection to {url.host}: {reason}.", remedy=CHECK_WAY, sent=False)
    return Unreachable(f"the answer was lost: {reason}")


def unusable_client(error: Exception) -> Unreachable:
    """Say why no client can be made: the certificates or the proxies that the environment names."""
    if isinstance(error, OSError):  # ssl.SSLError is one
        return Unreachable(
            f"the certificates to trust cannot be read: {error}.",
            remedy="Let SSL_CERT_FILE name a file of PEM certificates that this process can read, or unset it.",
            sent=False,
            final=True,
        )
    return Unreachable(
        "the address of a proxy cannot be used.",
        remedy="Let HTTPS_PROXY, HTTP_PROXY and ALL_PROXY be addresses like http://proxy:3128, or unset them.",
        sent=False,
        final=True,
    )


def check_proxies(proxies: Mapping[str, str]) -> None:
    """Check the proxies that the environment names, by scheme, as urllib.request.getproxies tells them.

    Raises:
        Unreachable: one cannot be used; the message has its variable, and not its address, which may hold a password.
    """
    if "*" in proxies.get("no", "").replace(" ", "").split(","):  # as httpx2 reads it: no proxy at all
        return
    for scheme in ("http", "https", "all"):
        address = proxies.get(scheme, "")
        if not address:
            continue
        variable = f"{scheme.upper()}_PROXY"
        kind, is_address, _ = address.partition("://")
        if is_address and kind.lower().startswith("socks"):
            raise Unreachable(
                f"{variable} names a SOCKS proxy, which cannot be used.",
                remedy="Use an HTTP proxy in HTTPS_PROXY and unset the other variable, or set NO_PROXY=* to use none.",
                sent=False,
                final=True,
            )
        try:
            read_address(address if is_address else f"http://{address}", login=True)
        except ValueError as error:
            raise Unreachable(
                f"{variable} {error}.",
                remedy=f"Let {variable} be an address like http://proxy:3128, or unset it.",
                sent=False,
                final=True,
            ) from None


def _ssl_error(error: BaseException | None) -> ssl.SSLError | None:
    """Return the error of ssl that an error of httpx2 was made from."""
    while error:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _refused_tls(error: ssl.SSLError, host: str) -> Unreachable | None:
    """Say what is wrong with the TLS of the other side; None where it may pass."""
    remedy = ""
    match error:
        case ssl.SSLCertVerificationError(verify_code=code) if code in OUT_OF_DATE:
            remedy = "Check the clock of this machine; if it is right, the certificate has to be renewed."
        case ssl.SSLCertVerificationError(verify_code=code) if code in OTHER_NAME:
            remedy = "Check the name in endpoint (HF_ENDPOINT); a proxy in between may answer in place of the host."
        case ssl.SSLCertVerificationError():
            remedy = (
                "If a company's proxy answers with its own certificate, let SSL_CERT_FILE name a PEM file with the "
                "certificate of its authority; REQUESTS_CA_BUNDLE is not read. SSL_CERT_DIR must hold hashed names."
            )
        case ssl.SSLError(reason=str(reason)) if reason in NOT_TLS:
            remedy = "Write http:// where plain HTTP is spoken: in endpoint (HF_ENDPOINT), or in HTTPS_PROXY."
        case ssl.SSLError(reason=str(reason)) if reason in OLD_TLS:
            remedy = "TLS 1.2 or newer is needed: check endpoint (HF_ENDPOINT), and a proxy in between (HTTPS_PROXY)."
        case ssl.SSLError(reason=str(reason)) if reason in OWN_CERTIFICATE:
            remedy = "Certificates of clients cannot be used: check endpoint (HF_ENDPOINT), and HTTPS_PROXY."
    if not remedy:
        return None
    said = getattr(error, "verify_message", "") or str(error.reason or error).replace("_", " ").lower()
    trusted = not isinstance(error, ssl.SSLCertVerificationError)
    what = "TLS is not possible" if trusted else "the certificate is not trusted"
    return Unreachable(f"{host}: {what}: {said.rstrip('.')}.", remedy=remedy, sent=False, final=True)


def _refused_proxy(reason: str, host: str) -> Unreachable:
    """Say what the answer of a proxy means; it is a status with its words."""
    status = int(reason[:3]) if re.match("[1-5][0-9]{2}", reason) else 0
    if status == 407:
        return proxy_login()
    final = 300 <= status < 500 and status not in (408, 429)
    return Unreachable(
        f"the proxy gives no connection to {host}: {reason[:100]}.", remedy=CHECK_PROXY, sent=False, final=final
    )


def proxy_login() -> Unreachable:
    """Say that a proxy wants to know who asks."""
    return Unreachable(
        "the proxy wants a login (407).",
        remedy="Write user and password into HTTPS_PROXY (http://user:password@proxy:3128), or the host into NO_PROXY.",
        sent=False,
        final=True,
    )
