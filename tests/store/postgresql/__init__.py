"""The store on PostgreSQL, against a real server."""
