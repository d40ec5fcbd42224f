"""Types and reasons of conditions: stable names for programs. Messages are for people."""

from __future__ import annotations

# Types of every kind.
READY = "Ready"  # everything asked for is there and of the current generation
DEGRADED = "Degraded"  # something is broken that does not recover by itself

# Types of a VideoModel.
DOWNLOADED = "Downloaded"  # the weights are complete and checked
WARMED = "Warmed"  # the model was loaded once and made a real video

# Types of a StreamingService.
SERVABLE = "Servable"  # at least one pod can take a session now
PROGRESSING = "Progressing"  # pods are being made, replaced or removed
DRAINING = "Draining"  # pods wait for their last sessions to end

# Types of a Router.
ACCEPTED = "Accepted"  # the spec can be carried out
RESOLVED_REFS = "ResolvedRefs"  # every StreamingService that it names exists
ENDPOINTS_AVAILABLE = "EndpointsAvailable"  # at least one pod behind the address takes sessions

# Reasons while things go well.
AS_DESIRED = "AsDesired"  # observed state equals the spec
BUNDLED = "Bundled"  # the weights are part of the runtime's image: nothing to fetch
PROVIDED = "Provided"  # the weights lie on a volume or in the image: nothing to fetch
FETCHED_BY_PODS = "FetchedByPods"  # each pod fetches the weights when it starts (cache type None)
DOWNLOADING = "Downloading"  # the sources are being resolved, or the download Job runs
DOWNLOAD_COMPLETE = "DownloadComplete"  # the weights are complete in the cache
WARMING_UP = "WarmingUp"  # the warm-up Job runs
WARMUP_SUCCEEDED = "WarmupSucceeded"  # the warm-up Job made a real video
WARMUP_DISABLED = "WarmupDisabled"  # spec.warmup says that none is wanted
SERVING = "Serving"  # pods take sessions
OPEN_TO_ANYBODY = "OpenToAnybody"  # a Router has no keys: whoever reaches it may open sessions
NO_READY_PODS = "NoReadyPods"  # pods exist, and none of them is ready
PODS_STARTING = "PodsStarting"  # pods are made, started, or load the model
ROUTER_LAGGING = "RouterLagging"  # pods are ready, and a live router sends no viewers there yet
SCALED_TO_ZERO = "ScaledToZero"  # no pod is wanted
NO_SESSIONS_WAIT = "NoSessionsWait"  # no pod waits for sessions to end
NOTHING_WRONG = "NothingWrong"  # nothing needs a person
ROLLING_OUT = "RollingOut"  # pods of an older revision are being replaced
SCALING = "Scaling"  # pods are being added or removed
PAUSED = "Paused"  # spec.rollout.paused holds the rollout
WARMUP_YIELDS = "WarmupYields"  # the warm-up waits, because pods of services find no room
WAITING_FOR_SERVICE = "WaitingForService"  # no StreamingService says yet which device to warm up on
WAITING_FOR_MODEL = "WaitingForModel"  # the VideoModel is not ready yet
DELETING = "Deleting"  # the object is being deleted and waits for its sessions
SESSIONS_REMAIN = "SessionsRemain"  # sessions still play on pods that are to go

# Reasons when a person has to act.
INVALID_SPEC = "InvalidSpec"  # the spec breaks a rule; the message says which
MODEL_NOT_FOUND = "ModelNotFound"  # spec.modelRef names no VideoModel of this namespace
SERVICE_NOT_FOUND = "ServiceNotFound"  # a Router names a StreamingService that does not exist
SOURCE_UNSUPPORTED = "SourceUnsupported"  # this release cannot fetch from there
SOURCE_NOT_FOUND = "SourceNotFound"  # the address answers, but has no such model
SOURCE_DENIED = "SourceDenied"  # the token is missing or not allowed to read
SOURCE_UNREACHABLE = "SourceUnreachable"  # the address does not answer
DOWNLOAD_FAILED = "DownloadFailed"  # the download ended without a reason
CHECKSUM_MISMATCH = "ChecksumMismatch"  # a fetched file is not what it should be
NO_SPACE = "NoSpace"  # the cache volume is full
OUT_OF_MEMORY = "OutOfMemory"  # the model does not fit into memory
ADAPTER_INVALID = "AdapterInvalid"  # a LoRA adapter's files are not LoRA weights
FAMILY_UNSUPPORTED = "FamilyUnsupported"  # the weights are of another family than the spec says
WARMUP_FAILED = "WarmupFailed"  # loading or the first generation failed
IMAGE_PULL_FAILED = "ImagePullFailed"  # the runtime's image cannot be pulled
POD_CONFIG_INVALID = "PodConfigInvalid"  # a Secret, ConfigMap or volume of the pods is missing
POD_REFUSED = (
    "PodRefused"  # the API server refuses pods, Jobs or claims (quota, admission); see the message
)
REVISION_NOT_RECORDED = "RevisionNotRecorded"  # pods of the revision that is held cannot be made
FINALIZER_HOLDS = "FinalizerHolds"  # a deleted Job does not go, so no other one can be made
NAME_TAKEN = "NameTaken"  # an object that is not ours has a child's name; it is left alone
TOKEN_REFUSED = "TokenRefused"  # noqa: S105 - a pod's Secret is not the one that we made
POD_FAILED = "PodFailed"  # a pod was evicted or ended; it is replaced after a backoff
NODE_LOST = "NodeLost"  # a node stopped answering; its pods are replaced elsewhere
CRASH_LOOPING = "CrashLooping"  # runtime pods crash repeatedly
UNSCHEDULABLE = "Unschedulable"  # no node has room (or the GPUs) for a pod
FEATURE_UNAVAILABLE = (
    "FeatureUnavailable"  # the spec asks for what this release, or this cluster, does not have
)
ROUTE_REFUSED = "RouteRefused"  # a Gateway does not take the HTTPRoute of a Router
INTERNAL_ERROR = "InternalError"  # the operator has a bug; its log has the traceback
PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"  # a rollout makes no progress

VIDEO_MODEL_TYPES = (DOWNLOADED, WARMED, READY, DEGRADED)
STREAMING_SERVICE_TYPES = (READY, SERVABLE, PROGRESSING, DRAINING, DEGRADED)
ROUTER_TYPES = (READY, ACCEPTED, RESOLVED_REFS, ENDPOINTS_AVAILABLE, DEGRADED)
