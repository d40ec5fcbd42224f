"""What the providers of prompts are asked, in Prometheus' form. No prompt is a label."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCY_BUCKETS_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 20)


class PromptMetrics:
    """See `prompt.Meter`. Providers are those of the configuration."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "matinee_prompt_requests",
            "Questions to providers of prompts by outcome; open: left alone after failures",
            ["provider", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "matinee_prompt_seconds",
            "How long a provider of prompts took to answer, or to fail",
            ["provider"],
            registry=registry,
            buckets=LATENCY_BUCKETS_S,
        )
        self._tokens = Counter(
            "matinee_prompt_tokens",
            "Tokens that providers of prompts counted",
            ["provider", "kind"],
            registry=registry,
        )
        self._open = Gauge(
            "matinee_prompt_breaker_open",
            "1 while a provider of prompts is left alone after failures",
            ["provider"],
            registry=registry,
        )

    def asked(self, provider: str, outcome: str, seconds: float) -> None:
        self._requests.labels(provider, outcome).inc()
        if outcome != "open":
            self._seconds.labels(provider).observe(seconds)

    def used(self, provider: str, tokens: tuple[int, int]) -> None:
        for kind, count in zip(("prompt", "completion"), tokens, strict=True):
            self._tokens.labels(provider, kind).inc(max(0, count))

    def breaker(self, provider: str, *, is_open: bool) -> None:
        self._open.labels(provider).set(is_open)
