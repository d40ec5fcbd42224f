"""What programs say to each other."""
