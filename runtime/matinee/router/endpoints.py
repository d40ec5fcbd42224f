"""EndpointSlices of some Services -> the addresses of the backends that they list. Pure.

A Service may have many slices. A pod may be in several of them, because it moves from one to
another, and where pods have addresses of two families it is in one slice of each; it is one backend
all the same. Bounded, because anybody who may write EndpointSlices in the namespace may write many.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import Field, ValidationError

from matinee.router.table import Address
from matinee_api.config.config_model import Config
from matinee_api.config.router_config import MOST_BACKENDS, KubernetesConfig
from matinee_api.contracts.endpoints import LONGEST_START_S, START_LABEL
from matinee_api.whole_number import whole_number

SERVICE_LABEL = "kubernetes.io/service-name"
SESSIONS_PORT, CONTROL_PORT = "http", "control"
MOST_SLICES = 512


class _Meta(Config):
    name: str
    labels: dict[str, str] | None = None


class _Conditions(Config):
    """Unknown is told as null; Kubernetes says how each is then to be read."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None

    @property
    def takes_new(self) -> bool:
        return self.ready is not False and not self.terminating

    @property
    def keeps_old(self) -> bool:
        return self.takes_new if self.serving is None else self.serving


class _Target(Config):
    name: str = ""
    uid: str = ""


class _Endpoint(Config):
    addresses: tuple[str, ...] = Field(min_length=1)
    conditions: _Conditions = _Conditions()
    target: _Target = Field(default=_Target(), alias="targetRef")


class _Port(Config):
    name: str | None = None
    port: int | None = None


class EndpointSlice(Config):
    """What is read of one."""

    metadata: _Meta
    address_type: Literal["IPv4", "IPv6", "FQDN"] = Field(alias="addressType")
    endpoints: tuple[_Endpoint, ...] | None = None
    ports: tuple[_Port, ...] | None = None

    @property
    def service(self) -> str:
        return (self.metadata.labels or {}).get(SERVICE_LABEL, "")

    @property
    def start_s(self) -> int | None:
        """How long a pod of the Service takes until it serves, where the operator has said so."""
        seconds = whole_number((self.metadata.labels or {}).get(START_LABEL, ""))
        return seconds if seconds is not None and 0 < seconds <= LONGEST_START_S else None

    def port(self, name: str) -> int | None:
        return next((one.port for one in self.ports or () if one.name == name), None)


def parsed(raw: Any) -> EndpointSlice:
    """An object of the API server. Raises `ValueError` when it is no EndpointSlice."""
    try:
        return EndpointSlice.model_validate(raw, strict=False, extra="ignore")
    except ValidationError as error:
        raise ValueError("an EndpointSlice is not what it should be") from error


class Endpoints:
    """What was last seen of the slices. `left_out`: slices and backends that were too many."""

    def __init__(self, config: KubernetesConfig) -> None:
        self.left_out = 0
        self._config = config
        self._ranks = {service.name: rank for rank, service in enumerate(config.services)}
        self._slices: dict[str, EndpointSlice] = {}

    def put(self, found: EndpointSlice) -> None:
        if found.service not in self._ranks:
            self.remove(found.metadata.name)
        elif found.metadata.name in self._slices or len(self._slices) < MOST_SLICES:
            self._slices[found.metadata.name] = found

    def remove(self, name: str) -> None:
        self._slices.pop(name, None)

    def replace(self, listed: Iterable[EndpointSlice]) -> None:
        """All that there are now. A Service that has none keeps those that it had: that a list is
        empty proves nothing, and a backend that is gone answers no more."""
        before = list(self._slices.values())
        self._slices = {}
        for found in listed:
            self.put(found)
        listed_services = {found.service for found in self._slices.values()}
        for known in before:
            if known.service not in listed_services:
                self.put(known)

    @property
    def start_s(self) -> int | None:
        """Of the Service whose pods start first."""
        known = (found.start_s for found in self._slices.values())
        return min((seconds for seconds in known if seconds is not None), default=None)

    def addresses(self) -> list[Address]:
        """One for each pod, those of the first Service first."""
        chosen: dict[str, tuple[tuple[Any, ...], Address]] = {}
        for rank, found, endpoint in self._usable():
            address = self._address(rank, found, endpoint)
            pod = endpoint.target.uid or address.url
            order = (not endpoint.conditions.takes_new, found.address_type, rank, address.url)
            if pod not in chosen or order < chosen[pod][0]:
                chosen[pod] = order, address
        ordered = sorted(chosen.values(), key=lambda one: (one[0][2], one[1].name, one[1].url))
        self.left_out = max(0, len(ordered) - MOST_BACKENDS)
        return [address for _, address in ordered[:MOST_BACKENDS]]

    def _usable(self) -> Iterator[tuple[int, EndpointSlice, _Endpoint]]:
        for found in self._slices.values():
            if found.address_type == "FQDN" or not found.port(SESSIONS_PORT):
                continue
            for endpoint in found.endpoints or ():
                if endpoint.conditions.keeps_old and _is_ip(endpoint.addresses[0]):
                    yield self._ranks[found.service], found, endpoint

    def _address(self, rank: int, found: EndpointSlice, endpoint: _Endpoint) -> Address:
        ip = endpoint.addresses[0]
        host = f"[{ip}]" if ":" in ip else ip
        url = f"http://{host}:{found.port(SESSIONS_PORT)}"
        control = found.port(CONTROL_PORT)
        return Address(
            url=url,
            name=endpoint.target.name or url,
            primary=rank == 0,
            weight=self._config.services[rank].weight,
            control_url=f"http://{host}:{control}" if control else url,
            control_token_file=self._config.control_token_file,
            stream_token_file=self._config.control_token_file,
            takes_new=endpoint.conditions.takes_new,
        )


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text
