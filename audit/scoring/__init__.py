"""Model -> log-probabilities: the scorer protocol, batching, prompts at the mask, whole sentences. No statistics."""
