"""The kinds of the API, what they share, and the CRDs made from them.

Doors: `compute`, `conditions`, `environment`, `exposure`, `jobs`, `low_demand`, `meta`, `patterns`,
`pod`, `resource`, `rollout`, `router`, `rules`, `scheduling`, `source`, `streamingservice`,
`videomodel`.
"""
