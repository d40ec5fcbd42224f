"""The program of a pod: `host` owns the port and the process, `app` the routes, `lifecycle` starts
and stops the parts, `websocket` serves one viewer's socket.

Doors: `doors`, `host`, `workers_first`.
"""
