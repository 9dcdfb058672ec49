"""The section of a model card, its metadata, and its place in a README."""
