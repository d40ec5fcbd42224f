"""The kinds of the API, what they share, and the CRDs made from them.

Doors: `compute`, `conditions`, `meta`, `patterns`, `resource`, `router`, `rules`, `scheduling`,
`source`, `streamingservice`, `videomodel`.
"""
