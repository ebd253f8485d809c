"""The seam to whatever reads the events: `contract` says what an engine takes and gives back."""
