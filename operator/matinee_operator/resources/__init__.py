"""Desired objects, one builder for each: `resource -> manifest`. Pure."""
