"""A Singer loader for SQLite and PostgreSQL.

The rooms, in the order in which a line of input walks through them:

- `messages`: a line becomes a message; a request to stop is obeyed between two of them
- `target`: the settings, what happens to a message, and when the STATE is due
- `sink`: one stream's rows on their way into one table
- `rows`: a record becomes a row, and rows become a batch (the hot path)
- `values`: what a JSON value means to a column
- `connector`: one connection, one transaction a batch
- `evolution`: a table follows its stream's schema
- `dialects`: what one database does differently

They share `kinds` (what a column holds, and which kind is wider), `names` (what a column may be
called), `tables` (what a table looks like) and `errors` (what went wrong, in one line).
"""
