"""Secrets and their use: key files, answers (passlib), sealed PINs (HPKE), seals of the trail."""
