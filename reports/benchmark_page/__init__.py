"""The page of a published benchmark."""
