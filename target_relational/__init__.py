"""A Singer loader for SQLite and PostgreSQL.

The rooms, in the order in which a line of input walks through them:

- `messages`: bytes become messages; the clock and a request to stop are heard between two of them
- `target`: the settings, what happens to a message, and when the STATE is due
- `sink`: one stream's records on their way into one table
- `checks`: whether a record satisfies its schema
- `rows`: a record becomes a row, and rows become a batch (the hot path)
- `values`: what a JSON value means to a column
- `versions`: which rows a version of a stream has, and what becomes of the others
- `rejections`: records that were refused, and are kept
- `connector`: one connection, one transaction a batch, tried again if the connection is lost
- `evolution`: a table follows its stream's schema, or takes the place of another
- `dialects`: what one database does differently

They share `kinds` (what a column holds, and which kind is wider), `names` (what a column may be
called), `tables` (what a table looks like) and `errors` (what went wrong, in one line).
"""
