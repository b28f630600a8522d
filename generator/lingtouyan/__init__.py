"""Records kept as text in Git become a checked register, a site and printed forms.

The rooms are the stages of that way, in order: reading, checking, register, history,
templating, website, printing, proving, building, reviewing.
"""

__version__ = "0.1.0"
