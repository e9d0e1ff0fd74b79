"""Real sudo, real logins and groups, and pincli deployed as the README says."""
