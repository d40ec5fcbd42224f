"""From an event to a key: kopf's handlers, relations, relists, the work queue."""
