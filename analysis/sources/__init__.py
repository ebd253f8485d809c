"""Tables that a company has already, read where they lie: how they are described, what they can answer."""
