"""Meters: readings, sheets, replacements, estimates."""
