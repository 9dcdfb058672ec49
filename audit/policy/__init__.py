"""Gates CI with a policy: its limits, the metrics that they can name, verdicts and their formats."""
