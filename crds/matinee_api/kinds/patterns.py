"""Regular expressions that fields share, each with the words that explain it.

The patterns are valid for Python, for pydantic's engine and for the API server's (RE2).
"""

from __future__ import annotations

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
OBJECT_NAME = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
CIDR = r"^[0-9A-Fa-f.:]+/[0-9]{1,3}$"
ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$"
RESOURCE_NAME = r"^[a-z0-9.-]+/[A-Za-z0-9._-]+$"
ABSOLUTE_PATH = r"^/[^:]*$"
RELATIVE_PATH = r"^[^/:][^:]*$"
FIELD_PATH = r"^(metadata|spec|status)\.[A-Za-z]+(\['[^']+'\])?$"
PERCENT = r"^(100|[1-9]?[0-9])%$"
HTTP_URL = r"^https?://[A-Za-z0-9.\[\]:_-]+(/[^\s]*)?$"
_NAME_PART = "[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
HOST_NAME = rf"^(\*|(\*\.)?{_NAME_PART}(\.{_NAME_PART})*)$"
DNS_NAME = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
ORIGIN = r"^(\*|null|[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9_.\[\]:-]+)$"

EXPLAINED = {
    DNS_LABEL: "lower-case letters, digits and -, with a letter or digit at both ends",
    OBJECT_NAME: "lower-case letters, digits and -, with a letter first and no - at the end",
    CIDR: "a range of addresses such as 192.0.2.0/24 or 2001:db8::/32",
    ENV_NAME: "letters, digits and _, not a digit first",
    QUANTITY: "a quantity such as 500m, 2 or 16Gi",
    RESOURCE_NAME: "a resource name such as nvidia.com/gpu",
    ABSOLUTE_PATH: "a path that begins with /",
    RELATIVE_PATH: "a path that does not begin with /",
    FIELD_PATH: "a field of the pod such as metadata.name",
    PERCENT: "a whole number from 0 to 1000, or a percentage such as 25%",
    HTTP_URL: "an address such as https://hub.example.com",
    HOST_NAME: "a name without a port, such as video.example.com or *.example.com",
    DNS_NAME: "a name in lower case such as video.example.com or *.example.com",
    ORIGIN: "an origin such as https://video.example.com, or *",
}
S3_FOLDER = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._=-]+)*/?$"
"""A folder of a bucket, or all of it."""
SERVER_URL = r"^https?://[^/?#\s@]+/?$"
"""Of a server, and nothing behind it."""
