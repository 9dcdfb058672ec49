"""Base against others: two or more runs -> `Comparison`. Its statistics are in `analysis`."""
