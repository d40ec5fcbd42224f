"""OpenAI's client on this machine, through a Router of the cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from openai import APIStatusError, OpenAI

from e2e.target import Target
from e2e.waiting import PATIENCE_S, ask_until


@contextmanager
def openai_client(target: Target, namespace: str, service: str) -> Iterator[OpenAI]:
    """Of a Service, by way of the API server, once its router knows a pod that takes orders. It
    tries again what one may try again."""
    words = ("kubectl", "port-forward", "-n", namespace, f"service/{service}", ":80")
    with subprocess.Popen(
        words, env=target.environment(), stdout=subprocess.PIPE, text=True
    ) as forwarding:
        try:
            assert forwarding.stdout is not None
            line = forwarding.stdout.readline()  # Forwarding from 127.0.0.1:PORT -> 8000
            port = line.partition(" -> ")[0].rpartition(":")[2]
            url = f"http://127.0.0.1:{port}/v1"
            client = OpenAI(base_url=url, api_key="none is wanted", timeout=PATIENCE_S)
            ask_until(lambda: _lists(client), bool)
            yield client
        finally:
            forwarding.kill()


def _lists(client: OpenAI) -> bool:
    try:
        client.videos.list()
    except APIStatusError:
        return False
    return True
