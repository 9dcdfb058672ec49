"""Two small checkpoints with planted bias, `base/` and `finetuned/`, and the script that builds them.

`planted.json` says what was planted, for comparison with an audit of the checkpoints.
"""
