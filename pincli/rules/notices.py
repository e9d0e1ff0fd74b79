"""When the hook is run again for a lock."""

from __future__ import annotations

AGAIN_AFTER = 60
"""Seconds after which somebody else tries what was not told: who began it may have died."""
