"""The store on PostgreSQL: many hosts over one database."""

import sys
from types import ModuleType

# psycopg reads its own version numbers from package metadata, which nobody needs here. The imports
# for that take a twelfth of a verify's CPU time.
for _name in ("psycopg.version", "psycopg_binary.version"):
    _version = ModuleType(_name)
    _version.__version__ = "not asked for"  # type: ignore[attr-defined]
    sys.modules.setdefault(_name, _version)
