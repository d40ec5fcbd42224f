"""From raw objects to the facts that a decision is made from."""
