"""Base against others: two or more runs -> `Comparison`. No statistics of its own kind: those are in `analysis`."""
