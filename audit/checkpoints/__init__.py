"""Checkpoints, loaded and vetted: hub or folder -> model and tokenizer that can be trusted. No prompts, no words."""
