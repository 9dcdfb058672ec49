"""What tests share: fakes, tiny checkpoints, made results, oracles, a slowed command. No test is here."""
