"""Django with nothing around it: what a view costs that only inserts one row."""
