"""Likeness Art: the small base model that ships with Likeness, and everything that makes it."""
