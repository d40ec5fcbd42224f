"""One process per GPU, the only importer of torch, and the asyncio side that keeps it alive.

`pool.WorkerPool` is what a server holds: it starts the `supervisor.WorkerSupervisor` of each
worker, and `submit` turns a `messages.SegmentJob` into a `job.JobHandle` whose events end with
`SegmentDone`, `SegmentCancelled` or `SegmentFailed`. In the child, `process.main` loads the model
and `loop.WorkerLoop` makes the chunks. Frames cross in `ring.FrameRing`, everything else as
`messages` over a `pipe`.

Doors: `backend`, `messages`, `pool`, `supervisor`.
"""
