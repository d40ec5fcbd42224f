"""The table of faults: what is done, and which condition says so."""
