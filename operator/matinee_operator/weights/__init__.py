"""A model's weights: their trees, the Jobs that fetch them, the claim that holds them. Pure."""
