"""Certificates of a test's own authority, and a client that trusts nobody else."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import trustme
from cryptography.x509 import load_pem_x509_certificate

from e2e.target import Target

WATCH = """
import http.client, json, ssl, sys
from websockets.sync.client import connect
host, trusted = sys.argv[1:]
context = ssl.create_default_context(cadata=trusted)
try:
    with connect(f"wss://{host}/v1/stream", ssl=context, compression=None) as viewer:
        serial = viewer.socket.getpeercert()["serialNumber"]
        viewer.send(json.dumps({"type": "session_init_v2"}))
        while json.loads(viewer.recv(timeout=60))["type"] != "ltx2_stream_start":
            pass
    asking = http.client.HTTPSConnection(host, context=context, timeout=10)
    asking.request("GET", "/status")
    status = json.load(asking.getresponse())
    print(json.dumps({"serial": serial, "queue_shared": status["queue_shared"]}))
except OSError as error:
    print(json.dumps({"error": str(error)}))
"""
"""It opens a session, and tells who answered."""


@dataclass
class Authority:
    host: str
    ca: trustme.CA = field(default_factory=trustme.CA)

    def secret(self, name: str) -> tuple[dict[str, Any], int]:
        """A new certificate as a Secret, and its serial number."""
        issued = self.ca.issue_cert(self.host)
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        files = {"tls.crt": chain.decode(), "tls.key": issued.private_key_pem.bytes().decode()}
        meta = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
        serial = load_pem_x509_certificate(issued.cert_chain_pems[0].bytes()).serial_number
        return {**meta, "type": "kubernetes.io/tls", "stringData": files}, serial

    def told(self, target: Target, namespace: str) -> tuple[int, bool | None]:
        """To the pod `client`: the serial number of who serves `wss:`, 0 while nobody does, and
        whether its queue is shared."""
        trusted = self.ca.cert_pem.bytes().decode()
        words = ("exec", "-n", namespace, "client", "--", "python3", "-c", WATCH)
        found = json.loads(target.kubectl(*words, self.host, trusted))
        return int(found.get("serial", "0"), 16), found.get("queue_shared")
