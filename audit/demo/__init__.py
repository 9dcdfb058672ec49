"""Two small checkpoints with planted bias, `base/` and `finetuned/`, and the script that builds them.

`planted.json` says what was planted, so that an audit of the checkpoints can be held against it.
"""
