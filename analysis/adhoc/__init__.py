"""The report for a file or a notebook: no server, no database, no plan that was locked before.

`python -m analysis.adhoc visits.parquet --unit user_id --arm variant --metric revenue:mean`
"""
