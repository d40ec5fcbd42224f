"""Rows of `/v1/videos`."""

from __future__ import annotations

from tools.limits.row import Row

VIDEOS = (
    Row(
        "`/v1/videos`",
        "a body of {jobs.upload_bytes}, of which {jobs.form_bytes} are kept in memory; all that "
        "have come in part: {jobs.unfinished_bytes}, then 503; a form of "
        "{matinee.server.order_body:MOST_PARTS} parts, heads of "
        "{matinee.serving.multipart:MOST_HEAD_BYTES} each; {jobs.max_queued} jobs wait, then 429; "
        "a page of {matinee.server.video_answers:LARGEST_PAGE}",
        reads=("matinee/server/order_body.py",),
        covers=(
            "/v1/videos/{video_id}/remix",
            "/v1/videos/generations",
            "/v1/videos/edits",
            "/v1/videos/extensions",
        ),
    ),
    Row(
        "`/v1/videos/ID`",
        "no body: one that comes is bounded as above",
        covers=(
            "/v1/videos/{video_id}",
            "/v1/videos/{video_id}/content",
        ),
    ),
    Row(
        "`/v1/videos/characters`",
        "a body as above, of which nothing is kept; a name of "
        "{matinee.server.characters:LONGEST_NAME} characters, an id of "
        "{matinee.server.characters:LONGEST_ID}",
        reads=("matinee/server/characters.py",),
        covers=("/v1/videos/characters/{character_id}",),
    ),
    Row(
        "`/v1/images/generations`, `/v1/images/edits`",
        "a body as above; one job, gone when it is answered, unless the answer is a URL",
    ),
    Row(
        "`input_reference`",
        "{streaming.limits.initial_image_bytes}; PNG, JPEG and WebP; "
        "{streaming.limits.initial_image_pixels} pixels by its header; decoded as "
        "`initial_image` is",
        reads=("matinee/jobs/picture.py",),
    ),
    Row(
        "URLs (`jobs.fetch_urls`)",
        "off; {matinee.serving.public_addresses:LONGEST_URL} characters of http and https, public "
        "addresses and `jobs.fetch_networks`, checked after each resolution and pinned; "
        "{matinee.serving.url_fetching:MOST_REDIRECTS} redirects, {jobs.fetch_seconds}, "
        "{streaming.limits.initial_image_bytes}, images only; "
        "{matinee.serving.url_fetching:MOST_AT_ONCE} at once",
        reads=("matinee/serving/url_fetching.py", "matinee/serving/http_client.py"),
    ),
    Row(
        "what is kept",
        "{jobs.max_jobs} finished jobs, {jobs.max_bytes}, {jobs.ttl_seconds}; the oldest go first",
        reads=("matinee/jobs/ledger.py", "matinee/jobs/redis_ledger.py"),
    ),
)
