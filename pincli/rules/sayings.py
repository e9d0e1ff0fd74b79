"""What agents say to a caller."""

from collections.abc import Mapping
from types import MappingProxyType

LONGEST_SAYING = 300
_UNLOCK = (
    "To unlock it, log in to the portal, User Management, Unlock. Support can't do it for you"
    " over the phone."
)
SAYINGS: Mapping[str, str] = MappingProxyType(
    {
        "verified": "Thank you, that is correct.",
        "incorrect": "That is not the PIN. You can find it in the portal under User Management.",
        "locked": f"The PIN is locked. {_UNLOCK}",
        "just_locked": f"The PIN is now locked. {_UNLOCK}",
        "uncollected": "Please log in to the portal and open your support PIN under User"
        " Management.",
        "inactive": "This login is deactivated; your company's administrator can tell you more.",
        "ineligible": "This login has no support PIN; please call from one that has.",
        "unavailable": "I can't check your PIN at the moment. Please call again later.",
    }
)
"""What an agent says for each verdict and state, unless the deployment has its own text."""
