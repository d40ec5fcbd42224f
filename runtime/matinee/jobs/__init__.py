"""Videos that are made in the background: `record` is a job and its life, `orders` what is asked,
in `fields` of a request.

`desk` changes `ledger` (SQLite) and `workshop` (folders) together; `crew` takes jobs that wait and
lets `making` turn a worker's frames into a `film`. `service` is what a server holds.

Doors: `desk`, `fields`, `ledger`, `making`, `orders`, `picture`, `record`, `service`,
`workshop`.
"""
