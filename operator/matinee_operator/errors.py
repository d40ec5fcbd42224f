"""What can go wrong between the operator and the API server or a pod.

OperatorError
  BadSettings        an environment variable is missing or invalid
  ApiError           a non-2xx response of the API server, or none; `status`, `reason`, `message`
    NotFound         404
    AlreadyExists    409, of a create
    Conflict         409, of a write: another writer was faster, or the object was made again
    Refused          400, 403, 422: a retry changes nothing until somebody acts
    Unavailable      429, 5xx and no answer at all
      Expired        410: the continue token of a list has expired
  PodUnreachable     a pod did not answer an HTTP request, or refused it
  NameTaken          an object that is not ours has the name of a child
"""

from __future__ import annotations

from matinee_api.whole_errors import WholeError


class OperatorError(WholeError):
    """Base of all."""


class BadSettings(OperatorError):
    """One or more environment variables are wrong; the message lists them."""


class PodUnreachable(OperatorError):
    """The message says which pod and why."""


class NameTaken(OperatorError):
    """`what` has the name, and is whose: `NetworkPolicy live (it has no controller)`."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} is not ours"


class ApiError(OperatorError):
    """A non-2xx response of the API server, or none (`status` 0)."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(status, reason, message)
        self.status, self.reason, self.message = status, reason, message

    def __str__(self) -> str:
        return f"{self.status} {self.reason}: {self.message}"


class NotFound(ApiError):
    pass


class AlreadyExists(ApiError):
    pass


class Conflict(ApiError):
    pass


class Refused(ApiError):
    pass


class Unavailable(ApiError):
    pass


class Expired(Unavailable):
    pass


_REMEDIES = {
    "must specify limits.": "set pod.limits",
    "must be less than or equal to": "raise pod.limits, or ask for less in resources",
    "error looking up service account": "make it, or correct pod.serviceAccountName",
    ".mountPath: Invalid value": "choose another mountPath in pod.volumeMounts",
    "no PriorityClass with name": "correct scheduling.priorityClassName",
    "RuntimeClass": "correct scheduling.runtimeClassName",
    "ValidatingAdmissionPolicy": "pod.labels and pod.annotations are what pods and Jobs can carry",
}
"""Part of what the API server says -> the key of ours that helps."""


def with_remedy(message: str) -> str:
    """Why the API server refused a pod or a Job, and what a person can do in the spec."""
    remedies = (remedy for part, remedy in _REMEDIES.items() if part in message)
    remedy = next(remedies, None)
    return f"{message}; {remedy}" if remedy else message


def api_error(status: int, reason: str, message: str) -> ApiError:
    """The class that fits."""
    kind: type[ApiError] = Unavailable
    if status == 404:
        kind = NotFound
    elif status == 409:
        kind = AlreadyExists if reason == "AlreadyExists" else Conflict
    elif status == 410:
        kind = Expired
    elif status == 422 and "metadata.uid: Invalid value" in message:
        kind = Conflict  # a patch that names the uid of an object that is gone
    elif status in (400, 403, 422):
        kind = Refused
    return kind(status, reason, message)
