"""The operator: kopf watches, a pure plan decides, server-side apply does."""
