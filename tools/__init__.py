"""Programs that make what the repository ships; nothing in the product imports them."""
