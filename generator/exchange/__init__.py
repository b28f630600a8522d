"""Records on their way in and out: one canonical form, new records from a few words."""
