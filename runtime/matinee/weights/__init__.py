"""What belongs to a model, where it comes from, and whether it is whole. No torch.

`fetch` brings files from hubs and object stores; `local_folder` finds a model's folder,
`model_folder` judges it before anything is loaded from it.

Doors: `fetch/aws_profile`, `fetch/hub_client`, `fetch/progress`, `fetch/progress_server`,
`fetch/results`, `fetch/run`, `local_folder`, `model_folder`.
"""
