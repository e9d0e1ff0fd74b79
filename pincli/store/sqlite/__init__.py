"""One host, many processes: a database file, a lock file and a rollback journal."""
