"""Entities of this layer."""
