"""The runtime's configuration: its models, how it is read, and what is wrong with a file."""
