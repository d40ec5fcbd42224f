"""What the operator tells routers by way of the EndpointSlices that they watch.

Labels of a Service are those of its EndpointSlices too, also of the empty one of a Service without
pods. So a router is told without another right, another request or a restart.
"""

from __future__ import annotations

START_LABEL = "matinee.video/start-seconds"
"""How long the last pod took from its creation until it was ready, in whole seconds."""
LONGEST_START_S = 86400
"""More is no time to tell anybody."""
