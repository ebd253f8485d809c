"""Tables that a company has already, read where they lie: how they are described and whether they fit a plan."""
