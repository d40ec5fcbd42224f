"""The runtime's configuration: its models, how it is read, and what is wrong with a file.

Doors: `config_model`, `connection_limits`, `errors`, `jobs_config`, `load`, `problems`,
`prompt_config`, `resources`, `router_config`, `router_settings`, `runtime_config`, `serve_config`.
"""
