"""Files: atomic writes, result folders, chunks of scores, and reading saved values back. Computes nothing."""
