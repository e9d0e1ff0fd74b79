"""The whole program as real processes: raced, killed, starved of disk and searched for secrets."""
