"""A certificate for TLS, from files that may be replaced at any time, as a Secret's are."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

from matinee.errors import BadInput
from matinee.serving.file_stamp import Stamp, stamp_of

HANDSHAKE_S = 10.0
"""For a client to get through its handshake."""

logger = logging.getLogger(__name__)


class Certificate:
    """`context`: to listen with. The files are looked at in each handshake; connections that stand
    keep what they have. Raises `BadInput` when they cannot be used at the start; `key` is what the
    user calls them."""

    def __init__(self, cert_file: Path, key_file: Path, key: str) -> None:
        self._files = cert_file, key_file
        self._seen = self._stamps()
        try:
            self.context = self._newest = _loaded(*self._files)
        except OSError as error:
            raise BadInput(key, f"{cert_file} and {key_file}: {_why(error)}", joint=": ") from error
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, _name: object, _listening: object) -> None:
        """OpenSSL asks which context a handshake is to use, whether a name is given or not."""
        self._look()
        connection.context = self._newest

    def _look(self) -> None:
        """Files that are wrong change nothing: the two may be written one after the other."""
        stamps = self._stamps()
        if stamps == self._seen:
            return
        self._seen = stamps
        try:
            self._newest = _loaded(*self._files)
        except OSError as error:
            logger.warning("the certificate stays as it was: %s", _why(error))
        else:
            logger.info("read %s again", self._files[0])

    def _stamps(self) -> list[Stamp]:
        return [stamp_of(file) for file in self._files]


def _loaded(cert_file: Path, key_file: Path) -> ssl.SSLContext:
    """Raises `OSError`, of which `ssl.SSLError` is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert_file, key_file, _no_password)
    return context


def _no_password() -> str:
    """OpenSSL would ask at the terminal."""
    raise OSError("the key has a password; write it without one")


def _why(error: OSError) -> str:
    return error.strerror or str(error)
