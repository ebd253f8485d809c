"""From the inbox to the store: what worker processes do with accepted batches.

`rounds` moves batches, `merging` makes few large files of many small ones, `tending` deletes what has had
its time. These modules load pyarrow and DuckDB; no web process imports them.
"""
