"""Who makes the chunks of a run: this process, or the workers of a Ray cluster. They make the same ones.

What a chunk is isn't known here, nor where it is kept.
"""
