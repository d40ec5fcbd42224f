"""Where prompts come from when the client sends none."""
