"""The catalog that a new installation starts with, and how it is made."""
