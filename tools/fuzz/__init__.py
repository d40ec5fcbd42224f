"""The fuzzer: nonsense by the million, made from a seed, at everything that takes bytes from
outside.

    make fuzz                                              a million cases
    python -m tools.fuzz --cases 50000 --seed 7            fewer, and others
    python -m tools.fuzz --seed 7 --only frames --first 412 --scripts 1      one script again

A *case* is a frame, a request, a message or an event; a *script* is the cases of one connection or
one session, and is made from the seed, its kind and its number alone. `run.py` has the kinds. What
must hold is in `outside.py` for each script and in `target.py` for the whole run.
"""
