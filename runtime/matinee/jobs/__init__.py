"""Videos that are made in the background: `record` is a job and its life, `orders` what is asked,
in `fields` of a request.

What keeps them (`keeping`) is `desk`, which changes `ledger` (SQLite) and `workshop` (folders)
together, or `shared_desk`: a list in Redis (`redis_ledger`), and files that it names (`results`).
`crew` takes jobs that wait and lets `making` turn a worker's frames into a `film`. `service` is
what a server holds.

Doors: `desk`, `fields`, `ledger`, `making`, `orders`, `owner`, `picture`, `places`, `record`,
`retention`, `service`, `workshop`.
"""
