"""Published benchmarks of bias in masked language models, each in a file of its own: the authors' arithmetic and a
corrected one."""
