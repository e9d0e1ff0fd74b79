"""The store on PostgreSQL: many hosts over one database."""
