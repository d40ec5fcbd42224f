"""The kinds of the API, what they share, and the CRDs made from them."""
