"""Language models that write prompts, asked in OpenAI's form."""
