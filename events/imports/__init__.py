"""Reading exposures and events out of files: rows in, judged events out. Only commands load these modules."""
