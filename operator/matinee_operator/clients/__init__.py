"""All I/O: the API server, the Lease, Events, and what the pods stream."""
