"""The only place with SQL: rows, and named functions over them that say under which lock or condition they work."""
