"""From an event to a key: kopf's handlers, the cache, relations, relists, the work queue."""
