"""Records kept as text in Git become a checked register, a site and printed forms.

The rooms are the stages of that way, in order: reading, history, database, checks, templates, website and pdf,
review and verify, commands.
"""

__version__ = "0.1.0"
