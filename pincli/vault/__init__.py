"""Secrets and their use: key files, verifiers (passlib), sealed PINs (HPKE), audit macs."""
