"""Videos in this process: the Python API, and where their files go."""
