"""Rows of what our own programs read: as clients of servers and buckets, from files, from pods."""

from __future__ import annotations

from tools.limits.row import Row

READERS = (
    Row(
        "`matinee stream`: what a server sends",
        "{matinee.client.stream_client:MAX_MESSAGE_BYTES} a message, "
        "{matinee.wire.client_messages:MOST_PARTS} values of a text; shown with control characters "
        "escaped",
        reads=(
            *("matinee/client/stream_client.py", "matinee/client/server_text.py"),
            "matinee/cli/stream.py",
        ),
    ),
    Row(
        "its recording, for a plain file",
        "{matinee.media.fragmented:MOST_HEADER_BYTES} a moov or moof, "
        "{matinee.media.fragmented:MOST_SAMPLES_OF_A_RUN} samples a run, "
        "{matinee.media.fragmented:MOST_SAMPLES} in all of at most 12 bytes of memory each; what "
        "is more is kept as it came",
        reads=("matinee/media/fragmented.py",),
    ),
    Row(
        "its recording, for another kind of file",
        "a picture at a time, of at most {matinee.media.conversion:MOST_PIXELS} pixels",
        reads=("matinee/media/conversion.py",),
    ),
    Row(
        "what a provider of prompts answers",
        "{matinee.prompt.providers.chat:MOST_ANSWER_BYTES}, not compressed, in "
        "{streaming.prompt.timeout_ms} ms with all retries; of it "
        "{matinee.prompt.answers:MOST_CHARACTERS} characters are read; "
        "{streaming.prompt.at_once} questions at once",
        reads=("matinee/prompt/",),
    ),
    Row(
        "a hub's or a bucket's listing",
        "{matinee.weights.fetch.files:MAX_LISTING_BYTES} an answer, in "
        "{matinee.weights.fetch.files:LONGEST_ANSWER_S}, {matinee.weights.fetch.s3_http:MAX_PAGES} "
        "pages, "
        "{matinee.weights.fetch.files:MAX_FILES} files; names stay inside the folder, sizes are "
        "from "
        "0 to {matinee_api.contracts.fetch:MOST_BYTES}; nothing compressed is unpacked",
        reads=(
            *("matinee/weights/fetch/hub.py", "matinee/weights/fetch/s3.py"),
            "matinee/weights/fetch/s3_http.py",
        ),
    ),
    Row(
        "a file of a model",
        "as many bytes as listed, then its digest; slower than "
        "{matinee.weights.fetch.transfer:SLOWEST_BYTES_PER_S} a second is broken off; "
        "{matinee.weights.fetch.retry:TRIES} tries that bring less than "
        "{matinee.weights.fetch.transfer:LEAST_PROGRESS_BYTES}; a hub that asks for a pause gets "
        "{matinee.weights.fetch.hub:LONGEST_WAIT_S}",
        reads=("matinee/weights/fetch/transfer.py", "matinee/weights/hub_snapshot.py"),
    ),
    Row(
        "`model_index.json`",
        "{matinee.weights.model_index:MAX_INDEX_BYTES}",
        reads=("matinee/weights/model_index.py", "matinee/weights/fetch/plan.py"),
    ),
    Row(
        "other JSON of a model, lists of its shards",
        "{matinee.weights.model_folder:MAX_JSON_BYTES}, {matinee.weights.model_folder:MAX_SHARDS} "
        "shards; headers of safetensors by their library, which bounds them",
        reads=("matinee/weights/model_folder.py", "matinee/weights/fetch/adapters.py"),
    ),
    Row(
        "tokens and credentials",
        "{matinee.weights.fetch.tokens:MAX_TOKEN_BYTES}",
        reads=("matinee/weights/fetch/tokens.py", "matinee/weights/fetch/aws_profile.py"),
    ),
    Row(
        "YAML and JSON: resources, configurations",
        "{matinee_api.config.yaml_text:MAX_TEXT_BYTES}, {matinee_api.config.yaml_text:MAX_VALUES} "
        "values with each alias counted, {matinee_api.config.yaml_text:MAX_DEPTH} deep, numbers of "
        "{matinee_api.config.yaml_text:MAX_DIGITS} characters",
        reads=(
            *("matinee_api/config/yaml_text.py", "matinee_api/config/load.py"),
            *("matinee_api/config/resources.py", "matinee_api/bounded_file.py"),
        ),
    ),
    Row(
        "pictures of `matinee generate`, of its user's own",
        "the same bytes, formats and pixels as of a stranger's, without a process of their own",
        reads=("matinee/local/pictures.py",),
    ),
    Row(
        "states in the store",
        "{matinee.store.base:MAX_BLOB_BYTES} a blob; files are the owner's only; what is not ours "
        "is "
        "left alone",
        reads=(
            *("matinee/store/files.py", "matinee/store/disk.py", "matinee/store/container.py"),
            *("matinee/session/record.py", "matinee/session/saved_record.py"),
        ),
    ),
    Row(
        "states in Redis or Valkey",
        "{matinee.store.base:MAX_BLOB_BYTES} a piece, one after the other, "
        "{matinee.store.pieces:MOST_PIECES} pieces a state; "
        "{matinee.store.redis_address:CONNECT_S} to connect, "
        "{matinee.store.redis_address:ANSWER_S} for an answer, "
        "{matinee.store.redis_store:WHOLE_S} for a state; requests, sizes and state must fit "
        "together and fit the server; what others wrote under our names, of another kind or with "
        "more than {matinee.store.redis_scripts:MOST_FIELDS} fields, counts as absent",
        reads=("matinee/store/redis_store.py", "matinee/store/pieces.py"),
    ),
    Row(
        "the operator: pods' `/v1/slots` and `/v1/download`",
        "a line of 128 KiB, of the contract's form, a hundred lines a second; no redirects, "
        "nothing "
        "is unpacked; silence for {matinee_operator.clients.pod_feeds:SILENCE_S} ends the feed",
        reads=("matinee_operator/clients/pod_feeds.py",),
    ),
    Row(
        "the operator: a fetch Job's last word",
        "4,096 bytes, which the kubelet keeps; texts of 300 characters are shown",
        reads=("matinee_operator/observe/fetch_result.py",),
    ),
    Row(
        "the operator: the API server",
        "trusted; what it says is escaped where it is shown",
        reads=("matinee_operator/clients/kube.py",),
    ),
)
