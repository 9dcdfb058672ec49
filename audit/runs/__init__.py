"""The pipeline of one audit: recipe -> chunks of scores -> `Audit`; engines, shards, plans. No statistics."""
