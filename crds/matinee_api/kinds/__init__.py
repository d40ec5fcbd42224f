"""The kinds of the API, what they share, and the CRDs made from them.

Doors: `compute`, `conditions`, `environment`, `meta`, `patterns`, `pod`, `resource`, `rollout`,
`router`, `rules`, `scheduling`, `source`, `streamingservice`, `videomodel`.
"""
