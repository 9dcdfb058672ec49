"""Saved values, frozen: what an audit, a comparison and a benchmark hold, and their tables. Computes no metric."""
