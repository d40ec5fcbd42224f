"""The router: one address in front of several servers, without torch, numpy and sessions.

Pure: `table` (what is known of each backend), `placement` (which one gets a session), `queue` (who
is next), `frames` (where WebSocket frames end), `journal` (what lets a session outlive its
backend), `endpoints` (what EndpointSlices list), `parked` (places that are kept), `first_message`
(what is read of it), `waiting` (for how long somebody will be queued), `tickets` (what a page shows
once instead of its key), `homes` (where sessions were). With I/O: `discovery` finds the backends in
a cluster with what `api_server` tells, `watch` asks each how it is, `reception` and `seating` find
each viewer a backend, `shared_queue` is the order that several routers have (`others`),
`shared_limits` what keys have begun at all of them (`key_limits`), `returning` is about who comes
back to a session, `heartbeats` tells pages that the router is there, `moves` takes sessions away
from one that drains, `viewer` and `upstream` are the two ends of a splice, which `connecting`
opens, `forwarding` carries plain HTTP, `app` answers questions, `state_feed` tells
the operator, `host` is the process.

Doors: `host`.
"""
