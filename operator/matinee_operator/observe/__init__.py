"""From events and raw objects to the facts that a decision is made from: cache -> snapshot."""
