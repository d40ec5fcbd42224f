"""Tests of the bundled model and of how it is made and measured."""
