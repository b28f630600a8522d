"""What these tests stand on: repositories with a history."""

from histories import city, copy_of_city, repository

__all__ = ["city", "copy_of_city", "repository"]
