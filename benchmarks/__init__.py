"""Measurements against the way others do it; each module prints one line of JSON when run."""
