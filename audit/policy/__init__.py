"""The gate for CI: a policy's limits, the metrics they can name, verdicts and their formats. Computes no metric."""
