"""Published benchmarks: authors' data -> scores with intervals. The suites are in `suites`, one file each."""
