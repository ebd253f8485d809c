"""Tools for before the start: how long, how large, how split, and what waiting a few more days would buy.

The rules (`traffic`, `sizing`, `waiting`, `splitting`) are pure; `history` reads what earlier looks found.
"""
