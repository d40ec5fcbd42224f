"""What `matinee fetch` left as a termination message. Pure."""

from __future__ import annotations

from pydantic import ValidationError

from matinee_api.contracts.fetch import FetchResult, TreeResult


def fetch_result(message: str) -> FetchResult | None:
    """None: it did not come so far as to say. A newer runtime may say more."""
    last = message.strip().rpartition("\n")[2]
    try:
        return FetchResult.model_validate_json(last, extra="ignore")
    except ValidationError:
        return None


def first_failure(message: str) -> TreeResult | None:
    result = fetch_result(message)
    return next((tree for tree in result.trees if tree.reason), None) if result else None
