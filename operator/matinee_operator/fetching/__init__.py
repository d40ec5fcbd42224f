"""The Jobs that resolve and fetch a model's weights, and the claim that holds them. Pure."""
