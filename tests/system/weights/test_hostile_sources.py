"""Sources that anybody may have set up: one sentence is told, in bounded memory."""

from __future__ import annotations

import gzip
import json
import resource
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from matinee.weights.fetch.files import MAX_LISTING_BYTES
from matinee_api.contracts.fetch import FetchedTree, TreeResult
from tests.system.weights.answering import answering
from tests.unit.runtime.weights.fetch.fetching import resolved

SHA = "a" * 40
MORE_BYTES = 150 * 2**20
"""What a listing of 16 MiB may take on its way to a model."""


def result_of(uri: str, endpoint: str, tmp_path: Path) -> TreeResult:
    tree = {"name": "model", "kind": "model", "uri": uri, "folder": str(tmp_path / "tiny")}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    [result] = resolved(
        FetchedTree.model_validate({**tree, "endpoint": endpoint}), sleep=lambda _seconds: None
    )
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MORE_BYTES
    assert result.message.isprintable()
    assert len(result.message) <= 300
    return result


def listing(**changes: Any) -> bytes:
    file = {"rfilename": "model_index.json", "size": 10, "blobId": SHA} | changes
    return json.dumps({"sha": SHA, "siblings": [file]}).encode()


HUB: dict[str, tuple[tuple[Any, ...], dict[str, str], int, str]] = {
    "a size that is negative": ((listing(size=-1),), {}, 200, "siblings.0.size"),
    "a size that no disk has": ((listing(size=10**30),), {}, 200, "siblings.0.size"),
    "a size that is text": ((listing(size="many"),), {}, 200, "siblings.0.size"),
    "no size": ((listing(size=None),), {}, 200, "siblings.0.size"),
    "a name that is a number": ((listing(rfilename=7),), {}, 200, "siblings.0.rfilename"),
    "a name that leads out": (
        (listing(rfilename="../model_index.json"),),
        {},
        200,
        "has no model_index",
    ),
    "a digest that is none": ((listing(lfs={"sha256": "\x1b[2J"}),), {}, 200, "sha256"),
    "an index of gigabytes": ((listing(size=10**10),), {}, 200, "larger than"),
    "an index without end": ((listing(size=10**6),), {}, 200, "model_index.json"),
    "no commit": ((b'{"siblings": []}',), {}, 200, "sha"),
    "a commit that is a path": ((json.dumps({"sha": "../../x"}).encode(),), {}, 200, "sha"),
    "a list": ((b"[]",), {}, 200, "does not list files"),
    "brackets without end": ((b"[" * 2**20,), {}, 200, "does not list files"),
    "a body without end": (
        (repeat(b"x" * 2**16),),
        {},
        200,
        f"more than {MAX_LISTING_BYTES} bytes",
    ),
    "a body that unpacks without end": (
        (gzip.compress(bytes(2**26)),),
        {"Content-Encoding": "gzip"},
        200,
        "does not list files",
    ),
    "an error without end": ((repeat(b"x" * 2**16),), {}, 404, ""),
    "a redirect to itself": ((b"",), {"Location": "/"}, 302, "redirect"),
    "a redirect to a file": ((b"",), {"Location": "file:///etc/passwd"}, 302, "protocol"),
}


@pytest.mark.parametrize("case", HUB)
def test_whatever_a_hub_answers_is_told_in_a_sentence(case: str, tmp_path: Path) -> None:
    pieces, headers, status, says = HUB[case]
    with answering(*pieces, headers=headers, status=status) as url:
        result = result_of("hf://matinee/tiny", url, tmp_path)
    assert result.reason is not None
    assert says in result.message


def page(contents: str, more: str = "<IsTruncated>false</IsTruncated>") -> bytes:
    return (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>bucket</Name>{more}{contents}</ListBucketResult>"
    ).encode()


def entry(key: str = "m/model_index.json", size: str = "10") -> str:
    return (
        f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;{'a' * 32}&quot;</ETag><Size>{size}</Size></Contents>"
    )


ENDLESS = "<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>"
BUCKET: dict[str, tuple[tuple[Any, ...], str]] = {
    "a size that is negative": ((page(entry(size="-1")),), "cannot be asked"),
    "a size that no disk has": ((page(entry(size="1" + "0" * 30)),), "cannot be asked"),
    "a size that is text": ((page(entry(size="many")),), "cannot be asked"),
    "a size of thousands of digits": ((page(entry(size="9" * 5000)),), "cannot be asked"),
    "names that lead out": ((page(entry(key="m/../x")),), "has nothing under"),
    "a file twice": ((page(entry() * 2),), "lists a file twice"),
    "pages without end": ((page("", ENDLESS),), "more than 100 pages"),
    "a body without end": ((repeat(b"x" * 2**16),), f"more than {MAX_LISTING_BYTES} bytes"),
    "no XML": ((b"<",), "no list of files"),
    "XML of something else": ((b"<html/>",), ""),
    "entries without a name": ((page("<Contents/>"),), ""),
    "a billion laughs": (
        (
            b'<!DOCTYPE l [<!ENTITY a "%s">%s]><l>&z;</l>'
            % (
                b"a" * 1000,
                b"".join(
                    b'<!ENTITY %c "%s">' % (98 + number, b"&%c;" % (97 + number) * 100)
                    for number in range(25)
                ),
            ),
        ),
        "no list of files",
    ),
}


@pytest.mark.parametrize("case", BUCKET)
def test_whatever_a_bucket_answers_is_told_in_a_sentence(case: str, tmp_path: Path) -> None:
    pieces, says = BUCKET[case]
    with answering(*pieces, headers={"Content-Type": "application/xml"}) as url:
        result = result_of("s3://bucket/m", url, tmp_path)
    assert result.reason is not None
    assert says in result.message
