"""What CI does: stages, their budgets, and when the test cluster's own tests are due.

Only the standard library: it runs before anything is installed.
"""
