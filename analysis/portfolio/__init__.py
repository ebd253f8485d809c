"""All experiments together: what they add up to, which ones meet, and what happened in a week.

Everything is read from stored reports; the rules (`shrinkage`, `meetings`) are pure.
"""
