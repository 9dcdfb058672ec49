"""Statistics and metrics: scored prompts -> distributions, associations, findings. Numpy only, no files, no models."""
