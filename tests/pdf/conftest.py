"""What these tests stand on: a small repository with its prints."""

from proof_city import city

__all__ = ["city"]
