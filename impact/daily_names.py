"""Names that days are kept by, besides those of dimensions and levels."""

EVERYBODY = ""
"""The dimension of the whole; its one level is EVERYBODY as well."""
REST = "(others)"
"""The level under which the levels beyond the largest stand together."""
HIT, OTHERS = "hit", "others"
"""The levels where slices of several dimensions cross."""
